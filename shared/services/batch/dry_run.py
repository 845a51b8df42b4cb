"""The end of a dry run: computes what a sync would do now.

That is what the records hold already (files left by an earlier batch, removal candidates that were
held back, failures whose retry is due) and what the scan would change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

from shared.domain.batch import guards
from shared.domain.batch.batch import Batch, DeletePolicy
from shared.domain.errors import GatewayError
from shared.domain.estimate.backlog import Backlog, work_of
from shared.domain.estimate.budget import DayLimit
from shared.domain.estimate.estimate import Estimate, estimated
from shared.domain.estimate.preview import RETRIED, SAMPLES, Preview, Sample, merged
from shared.domain.estimate.storage_reading import StorageUse
from shared.domain.file.record import Change, FileRecord, FileStatus
from shared.domain.ids import file_id
from shared.domain.scan import comparison
from shared.gateways.database import queries
from shared.services.context import Context
from shared.services.guard.backlog import read_backlog
from shared.services.guard.import_guard import ImportGuard
from shared.services.guard.removal_guard import RemovalGuard
from shared.services.source.inspection import inspect_one
from shared.services.store.capacity import storage_use
from shared.services.throttle.budget import Budget
from shared.services.throttle.call_gate import CallGate
from shared.services.throttle.pump import Pump

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Outlook:
    """The result of a dry run: an estimate, examples by kind of change, and a message."""

    estimate: Estimate
    samples: dict[str, tuple[Sample, ...]]
    message: str


class DryRun:
    """Computes what the next sync would do; writes nothing, and makes no metered request."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._removal_guard = RemovalGuard(context)

    def __call__(self, batch: Batch, preview: Preview) -> Outlook:
        """What a sync would do; ``preview`` is what the complete scan would change."""
        retries, retried = self._retries(batch)
        part = self._context.rules.settings.part(batch.prefix)
        work = read_backlog(self._context, part) + retries + preview.work
        removes = batch.delete_policy is DeletePolicy.MIRROR
        removals = self._removal_guard.waiting(batch) + work.removals if removes else 0
        asked = self._removal_guard.asked(batch) + work.asked if removes else 0
        if guards.allows_asked(asked, removals, batch.max_deletes):
            asked, removals = 0, removals + asked
        work = replace(work, asked=asked, removals=removals)
        refused = self._refusals(batch, work)
        rules = self._context.rules
        now = self._context.clock.now()
        limit = rules.settings.cost_per_day
        estimate = estimated(
            work,
            tier=rules.settings.tier,
            left_today=Pump(self._context).left_today(now),
            budget=None if limit is None else DayLimit(limit, Budget(self._context).spent(now)),
            max_imports=rules.settings.max_imports_per_sync,
            price=rules.settings.price,
            storage=self._storage_use(),
            refusals=refused,
        )
        more = {RETRIED: retried, Change.REMOVED.value: self._held_back(batch) if removes else ()}
        samples = merged(preview.samples, {kind: each for kind, each in more.items() if each})
        said = "".join(f"; it would be refused: {each}" for each in refused)
        if batch.reconciled:
            said += "; the estimate leaves out the repair of what the reconcile found"
        return Outlook(estimate, samples, f"dry run: nothing was changed{said}")

    def _refusals(self, batch: Batch, work: Backlog) -> tuple[str, ...]:
        removals, most = work.removals, batch.max_deletes
        return (
            *ImportGuard(self._context).refusals(batch, work),
            *guards.refusals(
                lambda: guards.check_deletions(removals, work.staying, most),
                lambda: guards.check_asked(work.asked, removals, most, {}),
            ),
        )

    def _storage_use(self) -> StorageUse | None:
        try:
            return storage_use(self._context, learns=False)
        except GatewayError as error:
            CallGate(self._context).unmetered_failed(error)
            return None

    # --- work that the records hold already -------------------------------------------------

    def _retries(self, batch: Batch) -> tuple[Backlog, tuple[Sample, ...]]:
        """The work of failed files that the sync would try again, and examples of them.

        An example is only a file whose object is unchanged: the scan counts the others.
        """
        work = Backlog()
        samples: list[Sample] = []
        for record in self._failed(batch):
            work += work_of(record, batch.retried)
            if len(samples) < SAMPLES and self._is_unchanged(record):
                samples.append(Sample(record.path, record.failure.reason if record.failure else ""))
        return work, tuple(samples)

    def _failed(self, batch: Batch) -> Iterator[FileRecord]:
        """The failed files that the sync would try again, read page by page."""
        retried = batch.retried
        query = (
            queries.with_status(FileStatus.FAILED, limit=AT_ONCE)
            if retried.every or retried.since is None
            else queries.failed_and_eligible(retried.since, AT_ONCE)
        )
        query = queries.below(self._context.rules.settings.part(batch.prefix), query)
        page = query
        while found := self._context.records.query(FileRecord, page):
            for stored in found:
                yield stored.present
            last = found[-1].present
            ordered = [attrgetter(name)(last) for name in query.order_by]
            page = query.after(*ordered, file_id(last.path))

    def _held_back(self, batch: Batch) -> tuple[Sample, ...]:
        """Removal candidates of earlier batches whose objects are still gone or skipped."""
        query = self._removal_guard.candidates(batch, SAMPLES)
        found = [stored.present for stored in self._context.records.query(FileRecord, query)]
        return tuple(Sample(each.path) for each in found if self._is_unwanted(each))

    def _is_unchanged(self, record: FileRecord) -> bool:
        wanted = inspect_one(self._context, record.path, record)
        if wanted is None:
            return False
        return comparison.as_known(wanted, record).key == record.desired_key

    def _is_unwanted(self, record: FileRecord) -> bool:
        wanted = inspect_one(self._context, record.path, record)
        return wanted is None or not comparison.is_kept(record, wanted)
