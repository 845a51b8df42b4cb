"""The event of a batch that ends, whose severity is that of its end."""

from __future__ import annotations

import logging
from datetime import timedelta

from shared.domain.batch.batch import Batch, BatchStatus
from shared.services.events import Event, emit

SEVERITIES = {
    BatchStatus.COMPLETED: logging.INFO,
    BatchStatus.CANCELLED: logging.INFO,
    BatchStatus.COMPLETED_WITH_FAILURES: logging.WARNING,
    BatchStatus.DEFERRED: logging.WARNING,
    BatchStatus.REFUSED: logging.WARNING,
    BatchStatus.FAILED: logging.ERROR,
}
"""The severity of each way to end."""


def log_end(batch: Batch, age: timedelta | None) -> None:
    """Log that a batch has ended.

    Args:
        batch: The batch, as it is closed.
        age: The age of the oldest change that it has made searchable; None if it made none.
    """
    counts, took = batch.counts, timedelta(0)
    if batch.started_at and batch.completed_at:
        took = batch.completed_at - batch.started_at
    done = f"{counts['indexed']} indexed, {counts['deleted']} deleted, {counts['failed']} failed"
    said = f" {batch.message}" if batch.message else ""
    emit(
        Event.BATCH_CLOSED,
        f"Batch {batch.batch_id} ended as {batch.status} after {took.total_seconds():.0f} s: "
        f"{done}.{said}",
        level=SEVERITIES[batch.status],
        batch_id=batch.batch_id,
        status=batch.status.value,
        detail=batch.message,
        dry_run=batch.dry_run,
        indexed=counts["indexed"],
        deleted=counts["deleted"],
        failed=counts["failed"],
        unreadable=counts["unreadable"],
        duration_seconds=took.total_seconds(),
        freshness_seconds=None if age is None else age.total_seconds(),
    )
