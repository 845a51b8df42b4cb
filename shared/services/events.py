"""The log events that monitoring depends on, one structured log line each.

Terraform's log-based metrics filter on ``event`` and read the fields listed here, so neither the
names nor the fields may change.
"""

from __future__ import annotations

import logging
from enum import StrEnum

_log = logging.getLogger("file_search_sync")


class Event(StrEnum):
    """The events; the text below each lists its fields."""

    BATCH_CLOSED = "batch_closed"
    """batch_id, status, detail, dry_run; and the counts indexed, deleted, failed, unreadable."""

    BREAKER_OPENED = "breaker_opened"
    """cause, cooldown_seconds."""

    LEASE_TAKEN_OVER = "lease_taken_over"
    """batch_id, fence."""

    STORE_DRIFTED = "store_drifted"
    """store, stored (documents counted by the store), held (documents counted by the records)."""

    STORE_CUT_OVER = "store_cut_over"
    """store, previous_store."""

    STORAGE_NEAR_CAP = "storage_near_cap"
    """bytes, cap."""

    BUDGET_REACHED = "budget_reached"
    """limit, spent, max_imports, files and cost (of what is left)."""

    OTHER_DEPLOYMENT = "other_deployment"
    """store, documents (their number)."""

    FILE_FAILED = "file_failed"
    """path, kind, reason, attempts."""


ALARMING = frozenset(Event) - {Event.BATCH_CLOSED, Event.STORE_CUT_OVER}


def emit(event: Event, **fields: object) -> None:
    """Log an event. ``fields`` must hold nothing secret."""
    level = logging.WARNING if event in ALARMING else logging.INFO
    _log.log(level, event.value, extra={"fields": {"event": event.value, **fields}})
