"""One sync run: what was asked, how far it is, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SyncMode(StrEnum):
    INCREMENTAL = "incremental"
    FULL = "full"
    RETRY_FAILED = "retry_failed"


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
    """What a running batch is at; each phase starts only when the one before is complete."""

    PREPARING = "preparing"
    SCANNING = "scanning"
    WORKING = "working"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Batch:
    """At ``batches/{batch_id}``. Written by the supervisor; counts come from pages and files."""

    batch_id: str
    schema_version: int = 1
    status: BatchStatus = BatchStatus.RUNNING
    phase: BatchPhase = BatchPhase.PREPARING
    mode: SyncMode = SyncMode.INCREMENTAL
    trigger: Trigger = Trigger.HTTP
    prefix: str = ""
    dry_run: bool = False
    delete_policy: DeletePolicy = DeletePolicy.MIRROR
    max_deletes: int | None = None
    max_imports: int | None = None
    force: bool = False
    store: str = ""
    nonce: str = ""
    fence: int = 0
    # Documents that the records know of: when it began, as counted by the batch before (None where
    # that one left anything under way); when it is over, as counted by itself.
    census: int | None = None

    # Moves on where the task of a scan page was lost and its name can't be used again.
    scan_attempt: int = 0
    removals_released: bool = False

    # The pump: no metered request is planned before this.
    next_slot_at: datetime | None = None

    supervisor: str = ""
    supervised_until: datetime | None = None

    counts: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    message: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None

    def is_supervised(self, now: datetime) -> bool:
        """Whether a call of the supervisor may be at work."""
        return (
            bool(self.supervisor)
            and self.supervised_until is not None
            and (now < self.supervised_until)
        )


@dataclass(frozen=True, slots=True)
class PageResult:
    """How far the scan is, at ``batches/{id}/pages/{index}``; written when the page is done.

    ``counts`` add up all pages so far, so that the last page alone tells the whole scan.
    An empty ``next_start`` means that the scan is complete.
    """

    index: int
    start: str
    next_start: str
    schema_version: int = 1
    counts: dict[str, int] = field(default_factory=dict)
    completed_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the records belong to, at ``meta/deployment``: a mismatch is refused."""

    bucket: str
    prefix: str
    deployment: str
    store: str
    owner: str
    schema_version: int = 1
    created_at: datetime | None = None
