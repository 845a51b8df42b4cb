"""One sync run: what was asked, how far it is, how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.domain.estimate.estimate import Estimate
from shared.domain.estimate.preview import Preview, Retried, Sample
from shared.domain.reconcile.judge import Discrepancy


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
    """What a running batch is at; each phase starts only when the one before is complete."""

    PREPARING = "preparing"
    RECONCILING = "reconciling"
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
    max_estimated_cost: float | None = None
    force: bool = False
    new_store: bool = False
    store: str = ""
    nonce: str = ""
    fence: int = 0

    # Moves on where the task of a scan page was lost and its name can't be used again.
    scan_attempt: int = 0
    removals_released: bool = False
    # A listing of its store was completed; one was, or was given up, when all files were at rest.
    reconciled: bool = False
    had_last_look: bool = False
    # Of a dry run whose store holds documents, and whose records know of none.
    records_lost: bool = False

    # The pump: no metered request is planned before this.
    next_slot_at: datetime | None = None

    # Files that the daily quota leaves for another day, as far as is foreseen.
    tomorrow: int = 0

    # The project's storage: when it was looked at, what was used, and how many bytes of input more
    # may be uploaded before the next look; None: not known.
    storage_looked_at: datetime | None = None
    storage_used: int | None = None
    storage_room: int | None = None

    supervisor: str = ""
    supervised_until: datetime | None = None

    counts: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    # What a listing of the store came to, and documents it counts beyond the records' at the end.
    reconciliation: dict[str, int] = field(default_factory=dict)
    drift: int | None = None
    # Of a dry run, when it is over.
    estimate: Estimate | None = None
    samples: dict[str, tuple[Sample, ...]] = field(default_factory=dict)
    message: str = ""
    # What a guard said against its deletions; None where none refused them.
    refusal: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether what it planned may be begun."""
        return self.status is BatchStatus.RUNNING

    @property
    def is_scanned(self) -> bool:
        """Whether its scan is complete, and its removals were decided on."""
        return self.removals_released

    @property
    def expected_documents(self) -> int | None:
        """One for each object that is wanted, once its complete scan has led to nothing else.

        None where documents of vanished objects may stay. A failed file may have none either way.
        """
        mirrors = self.delete_policy is DeletePolicy.MIRROR
        if not mirrors or "scanned" not in self.counts or self.counts.get("removed"):
            return None
        return self.counts["scanned"] - self.counts.get("skipped", 0)

    @property
    def explains_store(self) -> bool:
        """Whether a listing of its store left nothing open, so that a difference is known."""
        return self.reconciled and not self.reconciliation.get(Discrepancy.UNDECIDED)

    @property
    def bounds_imports(self) -> bool:
        """Whether a guard has its say before the first import, which a whole scan must precede."""
        return self.max_imports is not None or self.max_estimated_cost is not None

    @property
    def retried(self) -> Retried:
        """Which failed files it tries again."""
        return Retried(every=self.mode is SyncMode.RETRY_FAILED, since=self.created_at)

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
    An empty ``next_start`` means that the scan is complete. A dry run's ``preview`` adds up all
    pages too.
    """

    index: int
    start: str
    next_start: str
    schema_version: int = 1
    counts: dict[str, int] = field(default_factory=dict)
    preview: Preview | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
