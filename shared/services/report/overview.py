"""The answer for somebody who looks in: how things stand, what runs, and the latest batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.domain.batch.batch import Batch
from shared.domain.batch.kinds import BatchPhase
from shared.domain.batch.progress import Progress
from shared.domain.batch.standing import standing
from shared.domain.deployment.deployment import Deployment
from shared.domain.file.record import Change
from shared.domain.throttle.holds import quota_day_began
from shared.gateways.database import queries
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import DEPLOYMENT, Records, Stored
from shared.services.progress import scan_counts
from shared.services.report.running import progress_row
from shared.services.report.summary import summary, time_text
from shared.services.report.throttle import ThrottleReport
from shared.services.throttle.latest_calls import latest_calls

RUNS = 30
"""Batches in the overview."""

WINDOW = 60
"""Metered requests of the breaker's window that are shown; each may take three reads."""

NextRun = Callable[[datetime], datetime | None]
"""When Cloud Scheduler starts the next sync after a time; None if none is scheduled."""


class Overview:
    """Reads what changes often (``now``), the rest (``latest``), and the breaker's window.

    The figures of a running batch are those in its record, so that their number of reads does not
    depend on the number of files.
    """

    def __init__(self, records: Records, throttle: ThrottleReport, next_run: NextRun) -> None:
        self._records = records
        self._throttle = throttle
        self._next_run = next_run

    def __call__(self) -> dict[str, Any]:
        """Everything but the window: ``RUNS`` batches and two more documents."""
        found = self._latest(RUNS)
        return {**self._now(found), **self._rest(found)}

    def now(self) -> dict[str, Any]:
        """What changes often, in two reads, and one more during a scan."""
        return self._now(self._latest(1))

    def window(self) -> dict[str, Any]:
        """How the latest metered requests ended, newest first, in three reads for each."""
        return {
            "window": [
                {"at": time_text(each.at), "outcome": each.outcome.value, "call": each.call}
                for each in latest_calls(self._records, WINDOW)
            ]
        }

    def _latest(self, limit: int) -> list[Stored[Batch]]:
        return self._records.query(Batch, queries.latest_batches(limit))

    def _now(self, found: Sequence[Stored[Batch]]) -> dict[str, Any]:
        throttle = self._throttle.breaker()
        latest = found[0] if found else None
        if latest is None:
            return {"latest": None, "running": None, **throttle, "next_run": None}
        batch, now = latest.present, latest.read_time
        if batch.hold is not None and not batch.status.is_terminal and throttle["hold"] is None:
            until = time_text(batch.hold_until)
            throttle["hold"] = {"reason": batch.hold.value, "until": until}
        running = None
        if not batch.status.is_terminal:
            batch = self._with_scan(batch, now)
            progress = batch.progress or _found(batch, now)
            running = {
                "batch_id": batch.batch_id,
                "phase": batch.phase.value,
                "counted_at": time_text(batch.progress.counted_at if batch.progress else None),
                "progress": progress_row(batch, progress, throttle["breaker"]["slowdown"], now),
            }
        return {
            "latest": summary(batch, now, hold=throttle["hold"]),
            "running": running,
            **throttle,
            "next_run": time_text(self._next_run(now)),
        }

    def _with_scan(self, batch: Batch, now: datetime) -> Batch:
        """The batch with the counts of its scan so far, if it scans."""
        if batch.phase is not BatchPhase.SCANNING:
            return batch
        known = batch.progress or Progress(now)
        counts = {**known.counts, **scan_counts(self._records, batch)}
        return replace(batch, progress=replace(known, counts=counts))

    def _rest(self, found: Sequence[Stored[Batch]]) -> dict[str, Any]:
        stored = self._records.get(Deployment, DEPLOYMENT)
        known, batches = stored.record, [each.present for each in found]
        stands = standing(batches, known.prefix if known else None)
        measured = (each.storage for each in batches if each.storage is not None)
        storage = next(measured, None)
        return {
            "standing": {
                "state": stands.state.value,
                "checked_at": time_text(stands.checked_at),
                "since": time_text(stands.since),
            },
            "bucket": known.bucket if known else "",
            "prefix": known.prefix if known else "",
            "store": known.store if known else "",
            "storage": storage and to_fields(storage),
            "spending": _spending(batches, stored.read_time),
            "batches": [summary(each.present, each.read_time) for each in found],
        }


def _found(batch: Batch, now: datetime) -> Progress:
    """What a batch that was not counted yet has to do, as its scan found it."""
    found = (Change.NEW, Change.CHANGED, Change.METADATA_CHANGED)
    return Progress(
        now,
        counts=batch.counts,
        waiting=sum(batch.counts.get(each, 0) for each in found),
        removing=batch.counts.get(Change.REMOVED, 0),
    )


def _spending(batches: Sequence[Batch], now: datetime) -> dict[str, Any] | None:
    """What the quota day has cost and may cost, as the latest batch knows it; None if none does."""
    for batch in batches:
        if batch.budget is None:
            continue
        known, day = batch.budget, quota_day_began(now)
        at = batch.completed_at or now
        progress = None if batch.status.is_terminal else batch.progress
        spent = known.spent if progress is None else progress.spent or 0.0
        return {
            "spent": spent if at >= day else 0.0,
            "limit": known.limit,
            "currency": known.currency,
            "day_began": time_text(day),
        }
    return None
