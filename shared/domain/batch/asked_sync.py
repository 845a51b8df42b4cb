"""A sync that a change in the bucket asks for, and when it may begin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.batch.batch import Batch

SCANS = 3
"""A sync that is asked for waits after the last one for as many times its scan. So scans take up a
quarter of the time at most, however large the bucket is."""


@dataclass(frozen=True, slots=True)
class AskedSync:
    """The flag, at ``meta/asked``: whether the bucket has changed since the last sync began.

    Attributes:
        asked_at: When the first of these changes was told; None if none was.
        schema_version: Version of this record's schema.
    """

    asked_at: datetime | None = None
    schema_version: int = 1


def may_begin_at(asked_at: datetime, last: Batch | None, pause: timedelta) -> datetime:
    """When a sync that was asked for may begin.

    Args:
        asked_at: When it was asked for.
        last: The last batch, which is over; None if there was none.
        pause: The shortest time after its end.
    """
    if last is None or last.completed_at is None:
        return asked_at
    return max(asked_at, last.completed_at + max(pause, SCANS * scan_time(last)))


def scan_time(batch: Batch) -> timedelta:
    """How long the batch's scan took; nothing if it wasn't completed."""
    if batch.scanning_since is None or batch.scanned_at is None:
        return timedelta(0)
    return batch.scanned_at - batch.scanning_since


def is_answered_by(batch: Batch, prefix: str) -> bool:
    """Whether this batch sees every change that was told before it began.

    ``prefix`` is the deployment's.
    """
    return batch.prefix == prefix and not batch.dry_run
