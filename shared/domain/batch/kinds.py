"""The words of a batch: its mode, its trigger, its status and its phase.

They have a module of their own because a program that only shows batches needs nothing else.
"""

from __future__ import annotations

from enum import StrEnum


class SyncMode(StrEnum):
    INCREMENTAL = "incremental"
    FULL = "full"
    RETRY_FAILED = "retry_failed"
    RECONCILE = "reconcile"


class DeletePolicy(StrEnum):
    """``mirror`` removes documents whose object is gone; ``add_only`` never removes any."""

    MIRROR = "mirror"
    ADD_ONLY = "add_only"


class Trigger(StrEnum):
    HTTP = "http"
    SCHEDULER = "scheduler"


class BatchStatus(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    COMPLETED_WITH_FAILURES = "completed_with_failures"
    CANCELLED = "cancelled"
    DEFERRED = "deferred"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        return self not in (BatchStatus.RUNNING, BatchStatus.PAUSED)


class BatchPhase(StrEnum):
    """The phase of a running batch; each starts only when the one before is complete."""

    PREPARING = "preparing"
    RECONCILING = "reconciling"
    SCANNING = "scanning"
    WORKING = "working"
    CLOSED = "closed"
