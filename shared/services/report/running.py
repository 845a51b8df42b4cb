"""What is told of a running batch: its progress, and what it has left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from shared.domain.batch.batch import Batch, BatchPhase, BatchStatus
from shared.domain.batch.left import Left, LeftReason
from shared.domain.batch.progress import Progress
from shared.domain.batch.time_left import time_left


def progress_row(
    batch: Batch, progress: Progress | None, slowdown: float, now: datetime
) -> dict[str, Any]:
    """How many files are done and left, and how long these will take.

    The time is None while it can't be known: until the bucket is scanned, while the batch is
    paused, and in a dry run.

    Args:
        batch: The batch.
        progress: Its figures; None for a batch that is over.
        slowdown: The breaker's.
        now: The present time.
    """
    known, over = progress or Progress(now, counts=batch.counts), progress is None
    elapsed = max(now - (batch.started_at or now), timedelta(seconds=1))
    under_way, left = known.in_progress + known.removing, timedelta(0) if over else None
    if batch.phase is BatchPhase.WORKING and batch.status is BatchStatus.RUNNING:
        left = time_left(
            waiting=max(known.waiting - batch.tomorrow, 0),
            under_way=under_way,
            done=known.done,
            elapsed=elapsed,
            preset_rate=batch.preset_rate,
            slowdown=slowdown,
        )
    return {
        "total": known.done + known.left,
        "done": known.done,
        "waiting": known.waiting,
        "in_progress": under_way,
        "tomorrow": 0 if over else batch.tomorrow,
        "indexed_per_minute": round(known.done / (elapsed / timedelta(minutes=1)), 1),
        "eta_seconds": None if left is None else ceil(left.total_seconds()),
    }


def left_now(batch: Batch, progress: Progress, hold: Mapping[str, Any] | None) -> Left:
    """What a running batch has left now, and what stops it, if anything does.

    ``hold`` is the one in force.
    """
    files = progress.left
    if batch.status is BatchStatus.PAUSED:
        return Left(files, LeftReason.PAUSED if files else None)
    if not files or hold is None:
        return Left(files)
    until = hold["until"]
    return Left(files, LeftReason(hold["reason"]), datetime.fromisoformat(until) if until else None)
