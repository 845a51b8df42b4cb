"""Figures of a running batch, counted in the records. A closed batch has its final ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from shared.domain.batch.batch import Batch, BatchPhase, BatchStatus, PageResult
from shared.domain.batch.left import Left, LeftReason
from shared.domain.batch.time_left import time_left
from shared.domain.file.record import IN_FLIGHT, FileStatus
from shared.domain.throttle import holds
from shared.gateways.database import queries
from shared.gateways.database.records import Records


class RunningFigures:
    """Counts what a batch has done so far, and what is left."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def counts(self, batch: Batch) -> dict[str, int]:
        """The scan's counts so far, and those of the files that are finished."""
        documents = self._records.documents
        counts = dict(batch.counts)
        if not counts:
            pages = self._records.query(PageResult, queries.latest_page(batch.batch_id))
            counts = dict(pages[0].present.counts) if pages else {}
        counts["indexed"] = documents.count(queries.of_batch(batch.batch_id, FileStatus.INDEXED))
        counts["deleted"] = documents.count(queries.removed_in(batch.batch_id))
        counts["failed"] = documents.count(queries.with_status(FileStatus.FAILED))
        counts["unreadable"] = documents.count(queries.unreadable(None))
        return counts

    def requests(self, batch: Batch) -> dict[str, int]:
        """Requests made for the batch's files, by kind."""
        sums = self._records.documents.sums(queries.all_of_batch(batch.batch_id), queries.REQUESTS)
        return {name.rpartition(".")[2]: int(count) for name, count in sums.items()}

    def with_money(self, batch: Batch, now: datetime) -> Batch:
        """The batch with what it and the day have cost so far."""
        documents, cost = self._records.documents, queries.COST
        of_batch = documents.sums(queries.imports_in(batch.batch_id), [cost])[cost]
        if batch.budget is None:
            return replace(batch, cost=of_batch)
        of_day = documents.sums(queries.imports_since(holds.quota_day_began(now)), [cost])[cost]
        return replace(batch, cost=of_batch, budget=replace(batch.budget, spent=of_day))

    def progress(
        self, batch: Batch, counts: Mapping[str, int], slowdown: float, now: datetime
    ) -> dict[str, Any]:
        """How many files are done and left, and how long these will take.

        The time is None while it can't be known: until the bucket is scanned, while the batch is
        paused, and in a dry run. ``slowdown`` is the breaker's.
        """
        documents = self._records.documents
        over = batch.status.is_terminal
        waiting = 0 if over else documents.count(queries.with_status(FileStatus.PENDING))
        in_progress = 0 if over else documents.count(queries.with_status(*IN_FLIGHT))
        removing = (
            0
            if over
            else documents.count(
                queries.with_status(FileStatus.DELETING, FileStatus.REMOVAL_CANDIDATE)
            )
        )
        done = counts.get("indexed", 0) + counts.get("deleted", 0)
        elapsed = max(now - (batch.started_at or now), timedelta(seconds=1))
        left: timedelta | None = timedelta(0)
        if not over:
            left = time_left(
                waiting=max(waiting - batch.tomorrow, 0),
                under_way=in_progress + removing,
                done=done,
                elapsed=elapsed,
                preset_rate=batch.preset_rate,
                slowdown=slowdown,
            )
        known = over or (batch.phase is BatchPhase.WORKING and batch.status is BatchStatus.RUNNING)
        return {
            "total": done + waiting + in_progress + removing,
            "done": done,
            "waiting": waiting,
            "in_progress": in_progress + removing,
            "tomorrow": 0 if over else batch.tomorrow,
            "indexed_per_minute": round(done / (elapsed / timedelta(minutes=1)), 1),
            "eta_seconds": ceil(left.total_seconds()) if known and left is not None else None,
        }


def left_now(batch: Batch, progress: Mapping[str, Any], throttle: Mapping[str, Any]) -> Left:
    """What a running batch has left now, and what stops it, if anything does.

    ``throttle`` has the hold in force.
    """
    files = progress["waiting"] + progress["in_progress"]
    if batch.status is BatchStatus.PAUSED:
        return Left(files, LeftReason.PAUSED if files else None)
    hold = throttle["hold"]
    if not files or hold is None:
        return Left(files)
    until = hold["until"]
    return Left(files, LeftReason(hold["reason"]), datetime.fromisoformat(until) if until else None)
