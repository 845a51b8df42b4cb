"""Closes a batch that is done, out of allowance, too old, or left with files that always fail."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.batch.batch import Batch, BatchPhase, BatchStatus
from shared.domain.batch.left import LeftReason
from shared.domain.errors import Refused
from shared.domain.estimate.budget import NOTHING
from shared.domain.file import lifecycle
from shared.domain.file.record import UNFINISHED, FileRecord, FileStatus
from shared.domain.throttle import holds
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.holds import Hold, HoldReason
from shared.gateways.database import queries
from shared.gateways.database.records import Stored
from shared.gateways.ports import Query
from shared.services.batch.budget_hold import BudgetHold
from shared.services.batch.final_comparison import FinalComparison
from shared.services.context import Context
from shared.services.guard.removal_guard import RemovalGuard
from shared.services.lease.close_batch import ACCOUNT_FAULT, CloseBatch, Why
from shared.services.lease.held_batch import changed
from shared.services.lease.set_aside import SetAside
from shared.services.reconcile.reconcile import Reconcile
from shared.services.store.capacity import CapacityWatch
from shared.services.store.cut_over import CutOver
from shared.services.throttle.call_gate import CallGate

OVERDUE = 10
"""Ticks beyond ``batch_max_age`` after which a call closes the batch before anything else."""

MOST_STUCK = 100
"""Unfinished files with which a batch may be closed as stuck; with more it never is."""

MOST_NAMED = 3
"""Files left to the next sync that a message names."""

UNMETERED = (FileStatus.IMPORTING, FileStatus.DELETING)
"""Statuses that need no metered request; such files finish before a held batch is closed."""


class Completion:
    """Closes the batch, as its supervisor."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = CallGate(context)
        self._close_batch = CloseBatch(context)
        self._removal_guard = RemovalGuard(context)
        self._storage = CapacityWatch(context)
        self._budget_hold = BudgetHold(context)
        self._comparison = FinalComparison(context)

    def is_at_rest(self, batch: Batch) -> bool:
        """Whether none of the batch's files is unfinished, and none waits to be removed.

        Outside the part that it is about, files wait for another batch; what is under way there
        ends without any.
        """
        return not self._are_any(batch, *UNFINISHED, FileStatus.REMOVAL_CANDIDATE)

    def is_overdue(self, batch: Batch) -> bool:
        """Whether the batch is so old that a call closes it before doing anything else.

        That is ``batch_max_age`` in a dry run and while the store is prepared or listed. Otherwise
        it is ``OVERDUE`` ticks more: ``close_if_over`` closes such a batch, unless each of its
        calls is cut short.
        """
        at_once = batch.dry_run or batch.phase in (BatchPhase.PREPARING, BatchPhase.RECONCILING)
        grace = timedelta(0) if at_once else OVERDUE * self._context.rules.tick
        return self._is_too_old(batch, grace)

    def close_for_age(self, held: Stored[Batch]) -> None:
        """Close the batch, so that the next sync scans the bucket again."""
        max_age, said = self._context.rules.batch_max_age, held.present.message
        self._close_batch.close(
            held,
            BatchStatus.DEFERRED,
            f"{said}{'; ' if said else ''}closed after {max_age}, so that the bucket is scanned "
            "again; the next sync continues with the files that are left",
            Why(LeftReason.AGE),
        )

    def close_if_over(
        self, held: Stored[Batch], *, at_rest: bool, state: BreakerState | None = None
    ) -> None:
        """Close the batch if it is done, can't continue today, is stuck or is too old.

        Args:
            held: The batch.
            at_rest: The answer of ``is_at_rest``.
            state: The breaker's record as this call has read it; None if it has not.
        """
        batch = held.present
        if batch.status is not BatchStatus.RUNNING:
            return
        is_working = batch.phase is BatchPhase.WORKING
        if is_working and at_rest:
            self._finish(held)
            return
        first = self._unfinished(batch, 1) if batch.removals_released else []
        if is_working and batch.removals_released and not first and self._is_done(held):
            return
        now = self._context.clock.now()
        unconcerned = at_rest and batch.phase is BatchPhase.SCANNING
        hold = None if unconcerned else holds.in_force((state or self._gate.read()).hold, now)
        if hold is not None and hold.reason is HoldReason.ACCOUNT:
            why = Why(LeftReason.ACCOUNT, hold.hold_until)
            self._close_batch.close(held, BatchStatus.FAILED, ACCOUNT_FAULT, why)
        elif batch.hold is not None and not unconcerned and self._is_held_up(batch):
            held = self._budget_hold.refreshed(held)
            self._close_held(held)
        elif hold is not None and batch.removals_released and not self._are_any(batch, *UNMETERED):
            held, figures = self._storage_figures(held, hold)
            self._close_batch.close(
                held,
                BatchStatus.DEFERRED,
                f"out of allowance ({hold.reason}) until "
                f"{hold.hold_until.isoformat(timespec='minutes')}: {self._left(batch)} files are "
                "left; the first sync after that continues with "
                f"them{'; ' if figures else ''}{figures}",
                Why(LeftReason(hold.reason), hold.hold_until),
            )
        elif batch.removals_released and (stuck := self._stuck(held, first)):
            self._close_with_stuck(held, stuck)
        elif self._is_too_old(batch):
            self.close_for_age(held)

    def _storage_figures(self, held: Stored[Batch], hold: Hold) -> tuple[Stored[Batch], str]:
        """The batch, measured again after a refusal, and its storage if that is what holds it."""
        if hold.reason is not HoldReason.STORAGE:
            return held, ""
        if self._storage.is_due(held.present, hold):
            held = self._storage.measure(held)
        return held, self._storage.usage_message(held.present)

    def _is_held_up(self, batch: Batch) -> bool:
        """Whether new imports are stopped, and nothing else is left to do."""
        return batch.removals_released and not self._are_any(
            batch, *UNMETERED, FileStatus.UNCERTAIN
        )

    def _close_held(self, held: Stored[Batch]) -> None:
        said, why = held.present.message, self._budget_hold.message(held.present)
        message = "; ".join(filter(None, (said, why)))
        batch = held.present
        left = Why(LeftReason(batch.hold), batch.hold_until) if batch.hold else None
        self._close_batch.close(held, BatchStatus.DEFERRED, message, left)

    def _is_done(self, held: Stored[Batch]) -> bool:
        """Close the batch if no file is left, and return whether none is.

        Removal candidates that appeared late are released first.
        """
        if self._are_any(held.present, *UNFINISHED):
            return False
        if held.present.refusal is None and self._removal_guard.waiting(held.present):
            changed(self._context, held, removals_released=False)
            self._context.nudge(held.present.batch_id)
        else:
            self._finish(held)
        return True

    def _finish(self, held: Stored[Batch]) -> None:
        """Close the batch, or begin a reconcile of its store first.

        The reconcile comes first if the store's count differs from the records' by more than is
        known already, or if the last one was too long ago.
        """
        if self._storage.is_due(held.present, None):
            held = self._storage.measure(held)
        if held.present.next_slot_at is not None:  # otherwise nothing was imported
            held = self._budget_hold.refreshed(held, NOTHING)
        context, batch = self._context, held.present
        found = self._comparison(batch)
        if found.is_to_be_listed:
            Reconcile(context, batch).restart()
            changed(
                context,
                held,
                phase=BatchPhase.RECONCILING,
                removals_released=True,
                drift=found.unexplained,
            )
            context.nudge(batch.batch_id)
            return
        left = self._left_to_next_sync(batch)
        lost = self._comparison.save(batch, found)
        held = self._with_question(held)
        batch = held.present
        whole = batch.prefix == context.rules.settings.prefix
        told = "" if batch.refusal or not whole else CutOver(context).promote_if_filled()
        message = " ".join(filter(None, (batch.message, lost, left, told)))
        held = changed(self._context, held, drift=found.drift.difference, message=message)
        self._close_batch.finish(held, str(found.drift), is_all_done=not left)

    def _left_to_next_sync(self, batch: Batch) -> str:
        """Names the files whose objects kept changing; empty without any."""
        records = self._context.records
        some = records.query(FileRecord, queries.left_in(batch.batch_id, MOST_NAMED))
        if not some:
            return ""
        count = records.documents.count(queries.left_in(batch.batch_id))
        named = ", ".join(repr(each.present.path) for each in some)
        more = f" and {count - len(some)} more" if count > len(some) else ""
        return (
            f"{count} files changed each time they were to be imported and are left to the next "
            f"sync: {named}{more}."
        )

    def _with_question(self, held: Stored[Batch]) -> Stored[Batch]:
        """The batch as refused, if documents are kept that only a request may remove."""
        try:
            self._removal_guard.check_asked(held.present)
        except Refused as refused:
            said = " ".join(filter(None, (held.present.message, str(refused))))
            return changed(self._context, held, message=said, refusal=said)
        return held

    def _unfinished(self, batch: Batch, most: int) -> list[FileRecord]:
        """Some of its unfinished files, without those whose records are damaged."""
        query = self._below(batch, queries.with_status(*UNFINISHED, limit=most))
        return [each.present for each in self._context.records.query(FileRecord, query)]

    def _stuck(self, held: Stored[Batch], first: list[FileRecord]) -> list[FileRecord]:
        """The unfinished files, if each one's next step always fails; otherwise none.

        Those whose records are damaged are set aside. ``first`` is one of the unfinished files,
        which mostly shows that not all are stuck.
        """
        batch = held.present
        policy = self._context.rules.file
        since = batch.created_at or self._context.clock.now()

        def are_stuck(files: list[FileRecord]) -> bool:
            return all(lifecycle.is_stuck(each, since, policy) for each in files)

        if not are_stuck(first):
            return []
        left = self._unfinished(batch, MOST_STUCK + 1)
        if not are_stuck(left):
            return []
        if SetAside(self._context, batch)():
            changed(self._context, held, sets_aside=True)
            self._context.nudge(batch.batch_id)
        return left if len(left) <= MOST_STUCK else []

    def _close_with_stuck(self, held: Stored[Batch], stuck: list[FileRecord]) -> None:
        said, first, more = held.present.message, stuck[0], len(stuck) - 1
        reason = first.failure.reason if first.failure else ""
        others = f" and {more} more" if more else ""
        self._close_batch.close(
            held,
            BatchStatus.DEFERRED,
            f"{said}{'; ' if said else ''}every file that is left fails each time it is tried: "
            f"{first.path!r} ({reason}){others}; the next sync tries again",
            Why(LeftReason.FAILING),
        )

    def _is_too_old(self, batch: Batch, more: timedelta = timedelta(0)) -> bool:
        now = self._context.clock.now()
        return now - (batch.created_at or now) >= self._context.rules.batch_max_age + more

    def _left(self, batch: Batch) -> int:
        return self._context.records.documents.count(self._below(batch, queries.to_import()))

    def _are_any(self, batch: Batch, *statuses: FileStatus) -> bool:
        """Whether any of its files has one of the statuses; one read, while counting costs more."""
        query = self._below(batch, queries.with_status(*statuses, limit=1))
        return bool(self._context.records.documents.count(query))

    def _below(self, batch: Batch, query: Query) -> Query:
        return queries.below(self._context.rules.settings.part(batch.prefix), query)
