"""Figures of a running batch, counted in the records. A closed batch has its final ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.batch.batch import Batch, BatchStatus, PageResult
from shared.domain.batch.left import Left, LeftReason
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

    def progress(self, batch: Batch, counts: Mapping[str, int], now: datetime) -> dict[str, Any]:
        """How many files are done and left, and how long these will take at the present rate."""
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
        left = waiting + in_progress + removing
        minutes = max((now - (batch.started_at or now)) / timedelta(minutes=1), 1 / 60)
        rate = done / minutes
        return {
            "total": done + left,
            "done": done,
            "waiting": waiting,
            "in_progress": in_progress + removing,
            "tomorrow": 0 if over else batch.tomorrow,
            "indexed_per_minute": round(rate, 1),
            "eta_seconds": round(left / rate * 60) if rate and left else (0 if not left else None),
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
