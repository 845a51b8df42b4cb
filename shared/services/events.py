"""The log events, one structured line each: what happened, as a sentence and as fields.

Monitoring depends on them: Terraform's log-based metrics filter on ``event`` and read the fields.
So neither names nor fields may change. ``docs/operations.md`` lists both.
"""

from __future__ import annotations

import logging
from enum import StrEnum

from shared.domain.file.record import FileRecord, FileStatus
from shared.log_labels import labelled

_log = logging.getLogger("file_search_sync")
_log.setLevel(logging.INFO)  # of its own, so that LOG_LEVEL, which is the root's, silences no event

_details = logging.getLogger(__name__)


class Event(StrEnum):
    """The events. The places that emit them give their fields."""

    FUNCTION_STARTED = "function_started"
    REQUEST_REFUSED = "request_refused"
    SYNC_ASKED_FOR = "sync_asked_for"

    BATCH_STARTED = "batch_started"
    PHASE_BEGAN = "phase_began"
    BATCH_PAUSED = "batch_paused"
    BATCH_RESUMED = "batch_resumed"
    LEASE_TAKEN_OVER = "lease_taken_over"
    BATCH_CLOSED = "batch_closed"

    FILE_INDEXED = "file_indexed"
    FILE_FAILED = "file_failed"

    BREAKER_OPENED = "breaker_opened"
    BREAKER_MOVED = "breaker_moved"
    HOLD_BEGAN = "hold_began"
    BUDGET_REACHED = "budget_reached"
    STORAGE_NEAR_CAP = "storage_near_cap"

    STORE_DRIFTED = "store_drifted"
    STORE_CUT_OVER = "store_cut_over"
    OTHER_DEPLOYMENT = "other_deployment"


WARNINGS = frozenset(
    {
        Event.REQUEST_REFUSED,
        Event.LEASE_TAKEN_OVER,
        Event.FILE_FAILED,
        Event.BREAKER_OPENED,
        Event.HOLD_BEGAN,
        Event.BUDGET_REACHED,
        Event.STORAGE_NEAR_CAP,
        Event.STORE_DRIFTED,
        Event.OTHER_DEPLOYMENT,
    }
)
"""Events that somebody may have to act on. The severity of a closed batch depends on its status."""

DETAILS = frozenset({Event.FUNCTION_STARTED, Event.REQUEST_REFUSED, Event.FILE_INDEXED})
"""Events that monitoring doesn't need, and that ``LOG_LEVEL`` may silence: they may be many."""


def emit(event: Event, sentence: str, *, level: int | None = None, **fields: object) -> None:
    """Log an event.

    Args:
        event: The event.
        sentence: What happened, for people. Neither this nor ``fields`` may hold anything secret.
        level: The severity, a level of ``logging``; by default that of the event.
        fields: The event's fields. ``batch_id`` and ``path`` become labels, too.
    """
    level = level or (logging.WARNING if event in WARNINGS else logging.INFO)
    about = {"batch": fields.get("batch_id"), "file": fields.get("path")}
    with labelled(**{name: str(value) for name, value in about.items() if value}):
        log = _details if event in DETAILS else _log
        log.log(level, "%s", sentence, extra={"fields": {"event": event.value, **fields}})


def emit_outcome(before: FileRecord | None, after: FileRecord) -> None:
    """Log that a file became indexed or failed, if it did by the change from ``before``."""
    if before is not None and before.status is after.status:
        return
    if after.status is FileStatus.INDEXED:
        emit(
            Event.FILE_INDEXED,
            f"{after.path!r} is indexed.",
            path=after.path,
            batch_id=after.batch_id,
            document=after.current_document,
            size=after.current_size,
        )
    elif after.status is FileStatus.FAILED and after.failure is not None:
        emit(
            Event.FILE_FAILED,
            f"{after.path!r} failed ({after.failure.kind}): {after.failure.reason}",
            path=after.path,
            batch_id=after.batch_id,
            kind=after.failure.kind or "",
            reason=after.failure.reason,
            attempts=after.tries.attempts,
        )
