"""The summary of a batch, which is the same in JSON, in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from shared.domain.batch.batch import Batch, counts_by_rule
from shared.domain.batch.left import Left
from shared.domain.file.record import Change, FileRecord
from shared.gateways.database.codec import to_fields


def summary(
    batch: Batch,
    now: datetime,
    skipped: Sequence[FileRecord] = (),
    failed: Sequence[FileRecord] = (),
    *,
    counts: Mapping[str, int] | None = None,
    requests: Mapping[str, int] | None = None,
    left: Left | None = None,
) -> dict[str, Any]:
    """The summary of one batch.

    ``counts``, ``requests`` and ``left`` replace the batch's own, which are final only once it is
    closed.
    """
    counts = batch.counts if counts is None else counts
    requests = batch.requests if requests is None else requests
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
        "estimated_cost": batch.cost,
        "rate": {"used": _rate(batch, now, requests), "preset": batch.preset_rate},
        "left": _left(left or batch.left),
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
        "budget": batch.budget and to_fields(batch.budget),
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
    """The batch's message. While it runs, also how many files the daily quota leaves over."""
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
