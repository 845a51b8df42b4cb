"""How old a change of the bucket was when a sync made it searchable."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.batch.batch import Batch, BatchStatus, earliest
from shared.domain.deployment.deployment import Deployment

_DONE = (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_FAILURES)


def freshness(batch: Batch, known: Deployment | None, now: datetime) -> timedelta | None:
    """The age of the oldest change that the batch has made searchable; None if it made none.

    Changes are those of new and changed objects. One from before the deployment counts from the
    deployment's start, so a first load says how long it took.

    Args:
        batch: The batch, as it is closed.
        known: The deployment's record as it was before.
        now: The end of the batch.
    """
    oldest = earliest(batch.oldest_change, known.oldest_left if known else None)
    if oldest is None or batch.dry_run or batch.status not in _DONE or not batch.counts["indexed"]:
        return None
    began = known.created_at if known and known.created_at else oldest
    return max(now - max(oldest, began), timedelta(0))


def after_end(known: Deployment, batch: Batch) -> Deployment:
    """The deployment's record after the end of a batch: what it found and left waits on."""
    if batch.dry_run:
        return known
    if batch.status not in _DONE:
        return replace(known, oldest_left=earliest(known.oldest_left, batch.oldest_change))
    return replace(known, oldest_left=None) if batch.prefix == known.prefix else known
