"""The summary of a batch, which is the same in JSON, in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from shared.domain.batch.batch import Batch, BatchStatus, counts_by_rule
from shared.domain.batch.left import Left
from shared.domain.batch.progress import Progress
from shared.domain.file.record import Change, FileRecord
from shared.gateways.database.codec import to_fields
from shared.services.report.running import left_now


def summary(
    batch: Batch,
    now: datetime,
    skipped: Sequence[FileRecord] = (),
    failed: Sequence[FileRecord] = (),
    *,
    progress: Progress | None = None,
    hold: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The summary of one batch.

    A batch that is not over has the figures of ``progress``, or else those in its record. ``hold``
    is the one in force.
    """
    counts, requests, cost, budget, left = (
        batch.counts,
        batch.requests,
        batch.cost,
        batch.budget,
        batch.left,
    )
    known = progress or batch.progress
    if known is not None and not batch.status.is_terminal:
        counts, requests, cost = known.counts, known.requests, known.cost
        budget = budget and replace(budget, spent=known.spent or 0.0)
        left = None if batch.dry_run else left_now(batch, known, hold)
    found = (change.value for change in Change if change is not Change.SET_ASIDE)
    kinds = (*found, "indexed", "deleted", "failed", "unreadable")
    return {
        "batch_id": batch.batch_id,
        "status": batch.status.value,
        "mode": batch.mode.value,
        "trigger": batch.trigger.value,
        "scanned": counts.get("scanned", 0),
        **{kind: counts.get(kind, 0) for kind in kinds},
        "drift": batch.drift,
        "reconciliation": batch.reconciliation if batch.reconciled else None,
        "requests": {kind: requests.get(kind, 0) for kind in ("metered", "throttled", "unmetered")},
        "started_at": time_text(batch.started_at),
        "completed_at": time_text(batch.completed_at),
        "duration_seconds": _seconds(batch, now),
        "estimated_cost": cost,
        "rate": {"used": _rate(batch, now, requests), "preset": batch.preset_rate},
        "left": _left(left),
        "message": _message(batch),
        "skips": [{"path": record.path, "reason": record.skip_reason} for record in skipped],
        "failures": [
            {
                "path": record.path,
                "reason": record.failure.reason if record.failure else "",
                "kind": record.failed_kind or "",
                "attempts": record.tries.attempts,
            }
            for record in failed
        ],
        "ignored": counts_by_rule(counts),
        "set_aside": counts.get(Change.SET_ASIDE, 0),
        "dry_run": batch.dry_run,
        **_storage(batch),
        "metadata_changed_cost": batch.metadata_changed_cost,
        "budget": budget and to_fields(budget),
        **_outlook(batch),
    }


def _duration(batch: Batch, now: datetime) -> timedelta | None:
    """How long the batch took, or has run; None if it has not started."""
    if batch.started_at is None:
        return None
    return max((batch.completed_at or now) - batch.started_at, timedelta(0))


def _seconds(batch: Batch, now: datetime) -> float | None:
    took = _duration(batch, now)
    return None if took is None else round(took.total_seconds(), 1)


def _rate(batch: Batch, now: datetime, requests: Mapping[str, int]) -> float | None:
    """Metered requests a minute over the whole batch; None if it has taken no time."""
    took = _duration(batch, now)
    return round(requests.get("metered", 0) / (took / timedelta(minutes=1)), 1) if took else None


def _left(left: Left | None) -> dict[str, Any] | None:
    if left is None:
        return None
    reason = left.reason.value if left.reason else None
    return {"files": left.files, "reason": reason, "until": time_text(left.until)}


def _storage(batch: Batch) -> dict[str, Any]:
    """How much of the project's storage is used, if the batch has measured it."""
    return {} if batch.storage is None else {"storage": to_fields(batch.storage)}


def _message(batch: Batch) -> str:
    """The batch's message; also a prefix that no object has, and what today's quota leaves over."""
    if batch.status is BatchStatus.COMPLETED and batch.prefix and not batch.counts.get("scanned"):
        nothing = f"there is no object whose name begins with {batch.prefix!r}"
        return f"{nothing}; {batch.message}" if batch.message else nothing
    if batch.status.is_terminal or not batch.tomorrow:
        return batch.message
    later = f"{batch.tomorrow} files will go on tomorrow: today's quota is not enough for them"
    return f"{batch.message} {later}".strip()


def _outlook(batch: Batch) -> dict[str, Any]:
    """A finished dry run's estimate, and examples of what the sync would do."""
    if batch.estimate is None:
        return {}
    samples = {kind: [asdict(each) for each in found] for kind, found in batch.samples.items()}
    return {"estimate": to_fields(batch.estimate), "samples": samples}


def time_text(moment: datetime | None) -> str | None:
    """A time as ISO 8601, or None."""
    return moment.isoformat() if moment else None
