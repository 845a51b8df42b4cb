"""Advances the running batch, at each call of its supervisor.

The phases are preparing, reconciling, scanning and working. Each call continues the present phase,
and begins the next one once it is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.batch.batch import Batch, BatchPhase, BatchStatus, PageResult, SyncMode
from shared.domain.batch.left import LeftReason
from shared.domain.batch.progress import Progress
from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import BadRequest, Forbidden, GatewayError, NotSetUp, Refused
from shared.domain.estimate.budget import Spare
from shared.domain.estimate.preview import Preview
from shared.domain.file.record import FileRecord
from shared.domain.file.setting_aside import UNKNOWN_PATHS
from shared.domain.reconcile.state import ReconcileState, Stage
from shared.domain.source.object_name import other_forms
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.holds import HoldReason
from shared.gateways.database import queries
from shared.gateways.database.records import DEPLOYMENT, Stored
from shared.gateways.ports import Delete
from shared.services.batch.budget_hold import BudgetHold
from shared.services.batch.completion import Completion
from shared.services.batch.dry_run import DryRun
from shared.services.batch.lost_tasks import LostTasks
from shared.services.batch.named_batch import name_again
from shared.services.batch.prepare import Preparation
from shared.services.batch.retry_failed import RetryFailed
from shared.services.context import Context, Deadline
from shared.services.guard.import_guard import ImportGuard
from shared.services.guard.removal_guard import RemovalGuard
from shared.services.lease.close_batch import ACCOUNT_FAULT, CloseBatch, Why
from shared.services.lease.held_batch import changed
from shared.services.lease.set_aside import SetAside
from shared.services.progress import count
from shared.services.reconcile import other_deployment
from shared.services.reconcile.reconcile import Reconcile
from shared.services.reconcile.uncertain_imports import ResolveUncertain
from shared.services.scan.page_changes import METADATA_TOKENS
from shared.services.scan.scan_bucket import scan_task
from shared.services.source.unreadable import UnreadableFiles
from shared.services.store.capacity import CapacityWatch
from shared.services.store.deployment_record import present_deployment
from shared.services.throttle.call_gate import CallGate
from shared.services.throttle.pump import Plan, Pump

RECORDS_LOST = (
    "dry run: nothing was changed. The store holds documents that no record knows, so what a sync "
    "would do is unknown until the records are rebuilt. Sync to rebuild them; that imports nothing "
    "again"
)

OTHER_PREFIX = (
    "the bucket also has names that begin with the prefix in another Unicode form, {!a}, and are "
    "not part of this sync: rename them, or sync that prefix too"
)

METERED_PER_FILE = 2
"""Metered requests of a file: its upload and its import."""

MOST_LISTING_FAILURES = 10
"""Failed calls in a row after which a sync ends: without the last listing of the store, or if the
store is refused before the scan."""


@dataclass(frozen=True, slots=True)
class Supervision:
    """What one call did.

    Attributes:
        batch_id: The running batch; empty if there is none.
        status: Its status, or why this call did nothing.
        planned: Metered requests planned.
    """

    batch_id: str = ""
    status: str = "idle"
    planned: int = 0


class RunningBatch:
    """Advances a batch, as its supervisor."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = CallGate(context)
        self._close_batch = CloseBatch(context)
        self._completion = Completion(context)
        self._lost_tasks = LostTasks(context)
        self._removal_guard = RemovalGuard(context)
        self._storage = CapacityWatch(context)
        self._budget_hold = BudgetHold(context)
        self._import_guard = ImportGuard(context)

    def advance(self, held: Stored[Batch]) -> Supervision:
        """Do all that the batch needs now; a refusal closes it.

        Raises:
            LostLease: another call supervises the batch.
            GatewayError: Gemini, Firestore or Cloud Tasks failed; the next call tries again.
        """
        try:
            return self._advance_phases(held)
        except Refused as refusal:
            self._close_batch.close(held, BatchStatus.REFUSED, str(refusal))
            return Supervision(held.present.batch_id, BatchStatus.REFUSED)

    def _advance_phases(self, held: Stored[Batch]) -> Supervision:
        context = self._context
        deadline = Deadline.after(context.clock, context.rules.work_budget)
        if held.present.status is BatchStatus.PAUSED:
            return Supervision(held.present.batch_id, BatchStatus.PAUSED)
        if self._completion.is_overdue(held.present):
            self._completion.close_for_age(held)
            return Supervision(held.present.batch_id, BatchStatus.DEFERRED)
        if held.present.phase is BatchPhase.PREPARING:
            held = self._prepare(held, deadline)
            if held.present.phase is BatchPhase.PREPARING:
                return Supervision(held.present.batch_id, held.present.status)
        if held.present.phase is BatchPhase.RECONCILING:
            held = self._reconcile(held, deadline)
        if held.present.phase is BatchPhase.SCANNING:
            held = self._advance_scan(held)
        batch = held.present
        if batch.dry_run or batch.phase is BatchPhase.CLOSED:
            return Supervision(batch.batch_id, batch.status)

        at_rest = self._completion.is_at_rest(batch)
        if at_rest:
            self._completion.close_if_over(held, at_rest=True)
            return Supervision(batch.batch_id, batch.status)
        held, state, planned = self._advance_files(held, deadline)
        self._completion.close_if_over(held, at_rest=False, state=state)
        return Supervision(batch.batch_id, batch.status, planned)

    def _advance_files(
        self, held: Stored[Batch], deadline: Deadline
    ) -> tuple[Stored[Batch], BreakerState, int]:
        """Advance the files; also returns how many metered requests were planned."""
        batch = held.present
        self._lost_tasks.recreate(batch.batch_id)
        state = self._gate.tick()
        if batch.is_running and state.running != batch.batch_id:
            name_again(self._context, held)
        if batch.phase is BatchPhase.WORKING and not batch.removals_released:
            held = self._release_removals(held)
        held, state, planned = self._plan(held, state)
        self._search_uncertain_imports(batch, deadline)
        if SetAside(self._context, batch)():
            held = changed(self._context, held, sets_aside=True)
        return self._counted(held), state, planned

    def _counted(self, held: Stored[Batch]) -> Stored[Batch]:
        """Save the batch's figures in its record, if that is due, for whoever looks."""
        context, batch, now = self._context, held.present, held.read_time
        # A batch of less than a minute is never counted.
        known = batch.progress or Progress(batch.started_at or now)
        per_file = timedelta(minutes=METERED_PER_FILE / context.rules.settings.tier.rpm)
        if not known.is_due(now, per_file, context.rules.tick):
            return held
        return changed(context, held, progress=count(context.records, batch, now))

    def _prepare(self, held: Stored[Batch], deadline: Deadline) -> Stored[Batch]:
        """Find or create the store, and choose the next phase; none if more time is needed."""
        batch = held.present
        try:
            store = Preparation(self._context)(batch, deadline)
        except (Forbidden, BadRequest) as error:
            said, why = f"{ACCOUNT_FAULT} ({error})", Why(LeftReason.ACCOUNT)
            return self._close_batch.close(held, BatchStatus.FAILED, said, why)
        except GatewayError as error:
            self._gate.unmetered_failed(error)
            changed(self._context, held, message=_why_waiting(error))
            raise
        if store is None:
            self._context.nudge(batch.batch_id)
            return held
        if not batch.dry_run:
            self._gate.account_answered()
        asked = batch.mode is SyncMode.RECONCILE
        lost = store.records_lost is not False
        if batch.dry_run and store.records_lost and not asked:
            return self._close_batch.close(held, BatchStatus.COMPLETED, RECORDS_LOST)
        differs = store.difference is not None
        reconciles = (lost or asked or differs) and bool(store.name)
        if not batch.dry_run:
            UnreadableFiles(self._context).probe(batch.batch_id)
        return changed(
            self._context,
            held,
            phase=BatchPhase.RECONCILING if reconciles else BatchPhase.SCANNING,
            scanning_since=None if reconciles else self._context.clock.now(),
            store=store.name,
            recounts=store.recounts,
            drift=store.difference,
            records_lost=lost and batch.dry_run,
            imported_settings=None if batch.new_store else store.imported_settings,
            hold=HoldReason.OTHER_DEPLOYMENT if store.other_documents else None,
            message=other_deployment.message(store.other_documents)
            if store.other_documents
            else "",
        )

    def _reconcile(self, held: Stored[Batch], deadline: Deadline) -> Stored[Batch]:
        """Continue the reconcile; after it the batch scans, or works if it has scanned already.

        Raises:
            Refused: the store has lost more documents than may be imported again unasked.
        """
        batch = held.present
        reconcile = Reconcile(self._context, batch)
        try:
            state = reconcile(deadline)
        except GatewayError as error:  # the next call continues the listing
            self._gate.unmetered_failed(error)
            often = reconcile.failures >= MOST_LISTING_FAILURES
            if often and isinstance(error, Forbidden) and self._is_refused(batch.store):
                said = f"{ACCOUNT_FAULT} ({error})"
                return self._close_batch.close(held, BatchStatus.FAILED, said)
            if not batch.is_scanned:
                message = f"the store could not be listed, and is tried again: {error}"
                return changed(self._context, held, message=message)
            if not often:
                return held
            message = f"{batch.message} the store could not be listed: {error}".strip()
            return self._after_reconcile(changed(self._context, held, message=message))
        return self._reconciled(held, state)

    def _reconciled(self, held: Stored[Batch], state: ReconcileState) -> Stored[Batch]:
        """Save what the reconcile has found; continue it if it isn't done."""
        batch = held.present
        lost = batch.records_lost and state.are_any_ours
        if lost and batch.mode is not SyncMode.RECONCILE:
            return self._close_batch.close(held, BatchStatus.COMPLETED, RECORDS_LOST)
        if state.stage is not Stage.DONE:
            self._context.nudge(batch.batch_id)
            return held
        message = batch.message if batch.is_scanned or batch.hold else ""
        counts = dict(state.counts)
        held = changed(self._context, held, reconciled=True, reconciliation=counts, message=message)
        self._save_reconciled(batch)
        if state.others and not batch.dry_run:
            held = self._hold_for_others(held, state.others)
        if lost:
            return self._close_batch.close(held, BatchStatus.COMPLETED, RECORDS_LOST)
        return self._after_reconcile(held)

    def _after_reconcile(self, held: Stored[Batch]) -> Stored[Batch]:
        is_scanned, since = held.present.is_scanned, held.present.scanning_since
        return changed(
            self._context,
            held,
            phase=BatchPhase.WORKING if is_scanned else BatchPhase.SCANNING,
            scanning_since=since if is_scanned else self._context.clock.now(),
            had_last_look=is_scanned,
            removals_released=False,
        )

    def _hold_for_others(self, held: Stored[Batch], documents: Sequence[str]) -> Stored[Batch]:
        """Stop imports, since another deployment writes documents like ours."""
        present_deployment(self._context, held.present)
        other_deployment.OtherDeployment(self._context).save(documents)
        said = " ".join(filter(None, (held.present.message, other_deployment.message(documents))))
        return changed(self._context, held, hold=HoldReason.OTHER_DEPLOYMENT, message=said)

    def _save_reconciled(self, batch: Batch) -> None:
        """Save that the records know every document of the store, so later syncs rely on them."""
        if batch.dry_run or batch.prefix != self._context.rules.settings.prefix:
            return
        self._context.records.change(
            Deployment,
            DEPLOYMENT,
            lambda stored: replace(
                stored.present, unreconciled=False, reconciled_at=self._context.clock.now()
            ),
            known=present_deployment(self._context, batch),
        )

    def _advance_scan(self, held: Stored[Batch]) -> Stored[Batch]:
        """Create the next page's task if it is missing; after the last page, end the scan."""
        context, batch = self._context, held.present
        pages = context.records.query(PageResult, queries.latest_page(batch.batch_id))
        last = pages[0].present if pages else None
        if last is not None and not last.next_start:
            return self._scanned(held, last)
        task = scan_task(batch, last.index + 1 if last else 0)
        if not context.queues.create(task) and not context.queues.exists(task.queue, task.id):
            # The task name is used up: it ran and was acknowledged without a result of its page.
            held = changed(self._context, held, scan_attempt=batch.scan_attempt + 1)
            context.queues.create(scan_task(held.present, task.payload["index"]))
        return held

    def _scanned(self, held: Stored[Batch], last: PageResult) -> Stored[Batch]:
        """End the scan: start failed files again, check the limits, and begin to work.

        The phase changes last, so an interrupted call is repeated.

        Raises:
            Refused: the imports that wait exceed ``max_imports`` or ``max_estimated_cost``, or are
                the result of changed settings.
        """
        message, others = held.present.message, self._said_of_prefix(held.present)
        if others not in message:
            message = f"{message} {others}".strip()
        price = self._context.rules.settings.price
        again = last.counts.get(METADATA_TOKENS, 0)
        held = changed(
            self._context,
            held,
            counts=dict(last.counts),
            scanned_at=last.completed_at,
            oldest_change=last.oldest_change,
            metadata_changed_cost=price.cost(again) if price else None,
            message=message,
        )
        batch = held.present
        if batch.dry_run:
            outlook = DryRun(self._context)(batch, last.preview or Preview())
            held = changed(self._context, held, estimate=outlook.estimate, samples=outlook.samples)
            message = f"{outlook.message} {others}".strip()
            return self._close_batch.close(held, BatchStatus.COMPLETED, message)
        self._drop_unresolved(batch)
        self._removal_guard.admit_asked(batch)
        every, part = batch.mode is SyncMode.RETRY_FAILED, self._part(batch)
        RetryFailed(self._context).begin(every=every, part=part)
        self._import_guard.check(batch)
        return changed(self._context, held, phase=BatchPhase.WORKING)

    def _drop_unresolved(self, batch: Batch) -> None:
        """Drop records of unknown paths which neither the store nor the bucket has told.

        While there is one, a scan compares every name, so the object would have been found.
        """
        whole = batch.prefix == self._context.rules.settings.prefix
        if not whole or not batch.counts.get(UNKNOWN_PATHS):
            return
        records = self._context.records
        for each in records.query(FileRecord, queries.without_path()):
            if each.present.aside is None:
                records.documents.commit([Delete(each.path, each.version)])

    def _said_of_prefix(self, batch: Batch) -> str:
        """What the batch's message says of names with the prefix in another Unicode form."""
        bucket = self._context.bucket
        with suppress(GatewayError):  # the sync doesn't depend on it
            for form in other_forms(batch.prefix):
                if bucket.list_objects(prefix=form, limit=1):
                    return OTHER_PREFIX.format(form)
        return ""

    def _plan(
        self, held: Stored[Batch], state: BreakerState
    ) -> tuple[Stored[Batch], BreakerState, int]:
        """Plan the next metered requests, unless a hold, the breaker or a guard forbids it.

        Returns the batch and the breaker's state as they are afterwards, and how many were planned.
        """
        batch = held.present
        bounded = batch.bounds_imports(self._context.rules.settings.scan_digest)
        guarded = bounded and batch.phase is BatchPhase.SCANNING
        if batch.hold is HoldReason.OTHER_DEPLOYMENT:
            return held, state, 0
        if guarded or not batch.store or batch.phase is BatchPhase.RECONCILING:
            return held, state, 0
        if self._storage.is_due(batch, state.hold):
            held = self._storage.measure(held)
        if self._gate.blocked_until(state) is not None:
            return held, state, 0
        held, plan = self._planned(held, state)
        held = self._budget_hold.update(held, plan)
        if plan.day_is_spent or plan.storage_is_full:
            reason = HoldReason.DAY if plan.day_is_spent else HoldReason.STORAGE
            state = self._gate.hold(reason)
        if plan.tomorrow not in (None, batch.tomorrow):
            held = changed(self._context, held, tomorrow=plan.tomorrow)
        if not plan.assigned:
            return held, state, 0
        held = changed(
            self._context,
            held,
            next_slot_at=plan.next_slot_at,
            storage_room=plan.storage_room,
            spare=plan.spare,
        )
        pump = Pump(self._context)
        planned = pump.carry_out(plan, batch.batch_id, batch.store, state.generation)
        return held, state, planned

    def _planned(self, held: Stored[Batch], state: BreakerState) -> tuple[Stored[Batch], Plan]:
        """The plan, and the batch with a new measurement if the storage seemed full."""
        batch_id, pump = held.present.batch_id, Pump(self._context, self._part(held.present))
        free_from = held.present.next_slot_at or held.present.first_slot_at
        room, spare = held.present.storage_room, self._spare(held)
        plan = pump.plan(free_from, state, room, batch_id=batch_id, spare=spare)
        if not plan.storage_is_full:
            return held, plan
        held = self._storage.measure(held)  # the last measurement may be old
        room = held.present.storage_room
        plan = pump.plan(free_from, state, room, batch_id=batch_id)
        probe_room = self._storage.probe_room(held.present) if plan.storage_is_full else None
        if probe_room is not None:
            probe = pump.plan(free_from, state, probe_room, batch_id=batch_id, most=1)
            plan = replace(probe, storage_room=room)
        return held, plan

    def _spare(self, held: Stored[Batch]) -> Spare | None:
        """What the day's limit has to spare, if that is known and no scan adds files."""
        spare = held.present.spare
        if spare is None or held.present.phase is not BatchPhase.WORKING:
            return None
        is_same = spare.limit == self._context.rules.settings.cost_per_day
        return spare if is_same and held.read_time < spare.until else None

    def _part(self, batch: Batch) -> str:
        """The prefix of a batch that is about a part of the deployment, else nothing."""
        return self._context.rules.settings.part(batch.prefix)

    def _search_uncertain_imports(self, batch: Batch, deadline: Deadline) -> None:
        try:
            ResolveUncertain(self._context)(batch.store, batch.batch_id, deadline)
        except GatewayError as error:  # the next call continues the listing
            self._gate.unmetered_failed(error)
            if isinstance(error, Forbidden) and self._is_refused(batch.store):
                self._gate.hold(HoldReason.ACCOUNT)

    def _is_refused(self, store: str) -> bool:
        """Whether the store can't be read: the account is refused, or the store is gone."""
        try:
            self._context.gemini.get_store(store)
        except Forbidden:
            return True
        except GatewayError as error:
            self._gate.unmetered_failed(error)
        return False

    def _release_removals(self, held: Stored[Batch]) -> Stored[Batch]:
        """Release the removal candidates of the complete scan, unless they are too many."""
        batch = held.present
        try:
            self._removal_guard.release(batch)
        except Refused as refused:
            refusal = str(refused)
            said = f"{batch.message} {refusal}".strip()
            return changed(
                self._context, held, removals_released=True, message=said, refusal=refusal
            )
        return changed(self._context, held, removals_released=True)


def _why_waiting(error: GatewayError) -> str:
    """What to say while the store can't be prepared; the next call tries again."""
    if isinstance(error, NotSetUp):
        return f"the sync waits, and is tried again every minute: {error}"
    return f"the store could not be read, and is tried again: {error}"
