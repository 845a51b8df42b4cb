"""What is told of a running batch: its progress, and what it has left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.domain.batch.batch import Batch, BatchStatus
from shared.domain.batch.left import Left, LeftReason
from shared.domain.batch.progress import Progress


def progress_row(batch: Batch, progress: Progress | None, now: datetime) -> dict[str, Any]:
    """How many files are done and left, and how long these will take at the rate so far.

    ``progress`` is None for a batch that is over.
    """
    known = progress or Progress(now, counts=batch.counts)
    minutes = max((now - (batch.started_at or now)) / timedelta(minutes=1), 1 / 60)
    rate, left = known.done / minutes, known.left
    return {
        "total": known.done + left,
        "done": known.done,
        "waiting": known.waiting,
        "in_progress": known.in_progress + known.removing,
        "tomorrow": batch.tomorrow if progress else 0,
        "indexed_per_minute": round(rate, 1),
        "eta_seconds": round(left / rate * 60) if rate and left else (0 if not left else None),
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
