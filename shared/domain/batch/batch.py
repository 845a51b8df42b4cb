"""One run of a sync: its request, its progress and its result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.batch.kinds import BatchPhase, BatchStatus, DeletePolicy, SyncMode, Trigger
from shared.domain.batch.left import Left
from shared.domain.batch.progress import Progress
from shared.domain.estimate.budget import BudgetState, Spare
from shared.domain.estimate.estimate import Estimate
from shared.domain.estimate.preview import Names, Preview, Retried, Sample
from shared.domain.estimate.storage_reading import StorageUse
from shared.domain.reconcile.judge import Discrepancy
from shared.domain.throttle.holds import HoldReason

__all__ = [  # who reads or writes batches takes their words from here too
    "Batch", "BatchPhase", "BatchStatus", "DeletePolicy", "PageResult", "SyncMode", "Trigger",
]  # fmt: skip


def is_batch_id(text: str) -> bool:
    """Whether the text has the form of a batch id, and so can be part of a record's path."""
    return re.fullmatch(r"[0-9A-Za-z-]{1,64}", text) is not None


_IGNORED = "ignored: "


def count_of_rule(rule: str) -> str:
    """The name, among a scan's counts, of the objects that a rule leaves out."""
    return _IGNORED + rule


def counts_by_rule(counts: Mapping[str, int]) -> dict[str, int]:
    """How many objects each rule leaves out, the most first, from a scan's counts."""
    found = {
        name.removeprefix(_IGNORED): count
        for name, count in counts.items()
        if name.startswith(_IGNORED)
    }
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


@dataclass(frozen=True, slots=True)
class ScanFault:
    """How often in a row the scan of ``page`` (counted from 0) failed by an unexpected error."""

    page: int
    times: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch, at ``batches/{batch_id}``.

    The supervisor writes it; its counts come from the scan's pages and the file records.
    """

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

    # Part of a scan task's name; increases if the task is lost, since its name is then used up.
    scan_attempt: int = 0
    scan_fault: ScanFault | None = None
    scanning_since: datetime | None = None
    scanned_at: datetime | None = None
    # When the first of the new and changed objects that the scan found changed; None without any.
    oldest_change: datetime | None = None
    removals_released: bool = False
    # Whether a listing of the store was completed.
    reconciled: bool = False
    # Whether a listing was completed or given up when all files were at rest.
    had_last_look: bool = False
    # As in ``Deployment`` when the batch began; None if it may import under any settings.
    imported_settings: str | None = None
    # Whether the records of a dry run know no document of the store; then the listing of the store
    # tells whether it holds any of the deployment's.
    records_lost: bool = False

    # Whether any file was set aside apart from the scan.
    sets_aside: bool = False
    # Whether the scan counts the records of ranges that are unchanged, since some may be lost.
    recounts: bool = False

    # The pump plans no metered request before this time; before the first, ``first_slot_at``, which
    # follows the requests of the batch before.
    next_slot_at: datetime | None = None
    first_slot_at: datetime | None = None

    # Number of files that today's quota is expected to leave for another day.
    tomorrow: int = 0
    # Metered requests a minute of the tier when the batch began; None in one of an earlier version.
    preset_rate: int | None = None
    # The figures of a running batch, as its supervisor last counted them; None before the first
    # count and once it is closed.
    progress: Progress | None = None
    # What a closed batch left; None in a dry run, and in a batch of an earlier version.
    left: Left | None = None

    # The deployment's limits, as the latest plan found them; None without a limit or a plan.
    budget: BudgetState | None = None
    # What the day's limit had to spare when it was added up; None if it is to be added up now.
    spare: Spare | None = None
    # Why new imports are stopped, if it is no ``Hold``, and until when (None: not known).
    hold: HoldReason | None = None
    hold_until: datetime | None = None
    # What its imports cost, without those that were refused for certain; final once it is closed.
    cost: float = 0.0
    # What the import of its files costs whose metadata alone changed; None without a known price.
    metadata_changed_cost: float | None = None

    # The project's storage: when it was last read, how much is used, and the bytes of input that
    # may be uploaded before it is read again. None if not known.
    storage_looked_at: datetime | None = None
    storage: StorageUse | None = None
    storage_room: int | None = None

    supervisor: str = ""
    supervised_until: datetime | None = None

    counts: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    # Counts of a reconcile, by kind of discrepancy.
    reconciliation: dict[str, int] = field(default_factory=dict)
    # Documents in the store at the end of the batch, minus those that the records know. Before
    # the end, the difference that caused a listing.
    drift: int | None = None
    # Results of a dry run.
    estimate: Estimate | None = None
    samples: dict[str, tuple[Sample, ...]] = field(default_factory=dict)
    message: str = ""
    # The message of the guard that refused the deletions; None if none did.
    refusal: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether planned work may begin; not so if the batch is paused or over."""
        return self.status is BatchStatus.RUNNING

    def takes(self, path: str) -> bool:
        """Whether a file that an earlier batch has left is this one's now."""
        return self.is_running and path.startswith(self.prefix)

    @property
    def is_scanned(self) -> bool:
        """Whether the scan is complete and the removals have been decided."""
        return self.removals_released

    @property
    def expected_documents(self) -> int | None:
        """Number of documents that the store should hold: one per object that isn't skipped.

        None if nothing was scanned, if the scan found removals or records that are set aside, or if
        documents of vanished objects stay (``add_only``). Failed files are counted, though they may
        have no document.
        """
        mirrors = self.delete_policy is DeletePolicy.MIRROR
        unclear = self.counts.get("removed") or self.counts.get("set_aside")
        if not mirrors or "scanned" not in self.counts or unclear:
            return None
        return self.counts["scanned"] - self.counts.get("skipped", 0)

    @property
    def foreign(self) -> int:
        """Foreign documents that the batch's listing showed."""
        return self.reconciliation.get(Discrepancy.FOREIGN, 0)

    @property
    def has_repaired(self) -> bool:
        """Whether the batch's listing showed anything of ours that the records didn't know."""
        kinds = (Discrepancy.ORPHAN, Discrepancy.DUPLICATE, Discrepancy.GHOST)
        return any(self.reconciliation.get(kind) for kind in kinds)

    @property
    def explains_store(self) -> bool:
        """Whether a complete listing of the store left nothing undecided, so any drift is known."""
        return self.reconciled and not self.reconciliation.get(Discrepancy.UNDECIDED)

    def bounds_imports(self, settings: str) -> bool:
        """Whether a guard limits imports, so that the scan must be complete before the first.

        ``settings`` is the digest of the settings in force.
        """
        return self.has_figures or self.is_changed(settings)

    def is_changed(self, settings: str) -> bool:
        """Whether the settings are others than those of the last imports, or that isn't known."""
        return self.imported_settings not in (None, settings)

    @property
    def has_figures(self) -> bool:
        """Whether the request says how much may be imported."""
        return self.max_imports is not None or self.max_estimated_cost is not None

    @property
    def allows_changed_settings(self) -> bool:
        """Whether a person said how much may be imported, so that changed settings are intended."""
        return self.trigger is Trigger.HTTP and self.has_figures

    @property
    def retried(self) -> Retried:
        """Which failed files this batch tries again."""
        return Retried(every=self.mode is SyncMode.RETRY_FAILED, since=self.created_at)

    def is_supervised(self, now: datetime) -> bool:
        """Whether a call of the supervisor may be working on this batch now."""
        return (
            bool(self.supervisor)
            and self.supervised_until is not None
            and (now < self.supervised_until)
        )


@dataclass(frozen=True, slots=True)
class PageResult:
    """Result of a scan page, at ``batches/{id}/pages/{index}``; written when the page is done.

    ``counts``, a dry run's ``preview`` and ``oldest_change`` are of all pages so far, so the last
    page has those of the whole scan. A dry run's ``names`` are those of the page. ``start`` is the
    page's first name, and ``next_start`` that of the next page; if it is empty, the scan is
    complete.
    """

    index: int
    start: str
    next_start: str
    schema_version: int = 1
    counts: dict[str, int] = field(default_factory=dict)
    preview: Preview | None = None
    oldest_change: datetime | None = None
    names: Names | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None


def earliest(*times: datetime | None) -> datetime | None:
    """The earliest of these times that are known; None if none is."""
    return min(filter(None, times), default=None)
