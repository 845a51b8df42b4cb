"""What there is to do for the running batch, at each call of its supervisor.

Preparing, reconciling, scanning, working: each phase is gone on with, and left when it is complete.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain import holds, workload
from shared.domain.batches import Batch, BatchPhase, BatchStatus, Deployment, PageResult, SyncMode
from shared.domain.breaker import BreakerState
from shared.domain.errors import Denied, GatewayError, LostLease, Refused, Rejected
from shared.domain.files import UNFINISHED, FileStatus
from shared.domain.foresight import Foresight
from shared.domain.holds import HoldReason
from shared.domain.reconcile_state import Stage
from shared.gateways import queries
from shared.gateways.records import DEPLOYMENT, Stored
from shared.services.closing import REMOVALS_REFUSED, Closing
from shared.services.context import Context, Deadline
from shared.services.cut_over import CutOver
from shared.services.drift import Drift, MeasureDrift
from shared.services.dry_run import DryRun
from shared.services.events import Event, emit
from shared.services.lost_tasks import LostTasks
from shared.services.preparation import Preparation
from shared.services.pump import Pump
from shared.services.reconcile import Reconcile
from shared.services.removals import Removals
from shared.services.retries import Retries
from shared.services.scan import scan_task
from shared.services.storage import StorageWatch
from shared.services.sweep import Sweep
from shared.services.traffic import Traffic
from shared.services.waiting_work import waiting_work

ACCOUNT_FAULT = (
    "Gemini refuses the account: check the API key, its project and the store's permissions, then "
    "sync again; no file was blamed"
)

MOST_LISTING_FAILURES = 10
"""Calls in a row; then a sync that is done but for a look into the store ends without it."""

OVERDUE = 10
"""Ticks past its greatest age after which a batch is closed before anything else is tried."""

FREE_OF_HOLDS = (FileStatus.IMPORTING, FileStatus.DELETING)
"""What needs no metered request goes on to its end before a held batch closes."""


@dataclass(frozen=True, slots=True)
class Supervision:
    """What one call did; ``batch_id`` is empty where nothing is running."""

    batch_id: str = ""
    status: str = "idle"
    planned: int = 0


class RunningBatch:
    """Moves a batch on, in the name of the call that supervises it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._traffic = Traffic(context)
        self._pump = Pump(context)
        self._closing = Closing(context)
        self._lost_tasks = LostTasks(context)
        self._removals = Removals(context)
        self._storage = StorageWatch(context)

    def go_on(self, held: Stored[Batch]) -> Supervision:
        """Do all there is to do now, as the batch's supervisor."""
        try:
            return self._move_on(held)
        except Refused as refusal:
            self._closing.close(held, BatchStatus.REFUSED, str(refusal))
            return Supervision(held.present.batch_id, BatchStatus.REFUSED)

    def _move_on(self, held: Stored[Batch]) -> Supervision:
        context = self._context
        deadline = Deadline.after(context.clock, context.rules.work_budget)
        if held.present.status is BatchStatus.PAUSED:
            return Supervision(held.present.batch_id, BatchStatus.PAUSED)
        if self._waits_in_vain(held.present):
            self._close_for_age(held)
            return Supervision(held.present.batch_id, BatchStatus.DEFERRED)
        if held.present.phase is BatchPhase.PREPARING:
            held = self._prepare(held)
        if held.present.phase is BatchPhase.RECONCILING:
            held = self._reconcile(held, deadline)
        if held.present.phase is BatchPhase.SCANNING:
            held = self._see_to_scan(held)
        batch = held.present
        if batch.dry_run or batch.phase is BatchPhase.CLOSED:
            return Supervision(batch.batch_id, batch.status)

        at_rest = not self._are_any(*UNFINISHED, FileStatus.REMOVAL_CANDIDATE)
        planned = 0 if at_rest else self._see_to_files(held, deadline)
        now = context.records.get(Batch, held.path)
        if now.present.supervisor != batch.supervisor:
            raise LostLease("another call supervises the batch by now")
        self._close_if_over(now, at_rest=at_rest)
        return Supervision(batch.batch_id, batch.status, planned)

    def _see_to_files(self, held: Stored[Batch], deadline: Deadline) -> int:
        """Move the files on; returns how many metered requests were planned."""
        batch = held.present
        self._lost_tasks.revive(batch.batch_id)
        state = self._traffic.tick()
        if batch.phase is BatchPhase.WORKING and not batch.removals_released:
            held = self._release_removals(held)
        planned = self._plan(held, state)
        self._sweep(batch, state, deadline)
        return planned

    def _prepare(self, held: Stored[Batch]) -> Stored[Batch]:
        """Find or make the store, and note what the records belong to."""
        batch = held.present
        try:
            store = Preparation(self._context)(batch)
        except (Denied, Rejected) as error:
            return self._closing.close(held, BatchStatus.FAILED, f"{ACCOUNT_FAULT} ({error})")
        except GatewayError as error:
            self._traffic.look_failed(error)
            self._update(held, message=f"the store could not be read yet: {error}")
            raise
        reconciles = store.reconciles or batch.mode is SyncMode.RECONCILE
        phase = BatchPhase.RECONCILING if reconciles and store.name else BatchPhase.SCANNING
        return self._update(held, phase=phase, store=store.name, message="")

    def _reconcile(self, held: Stored[Batch], deadline: Deadline) -> Stored[Batch]:
        """Go on with the reconcile; what comes after it depends on what came before.

        Raises:
            Refused: the store lost more than may be imported again without leave.
        """
        batch = held.present
        reconcile = Reconcile(self._context, batch)
        try:
            state = reconcile(deadline)
        except GatewayError as error:  # unknown, not empty: the next call lists on
            self._traffic.look_failed(error)
            if not batch.is_scanned:
                return self._update(held, message=f"the store could not be listed yet: {error}")
            if reconcile.failures < MOST_LISTING_FAILURES:
                return held
            message = f"{batch.message} the store could not be listed: {error}".strip()
            held = self._update(held, message=message)
        else:
            if state.stage is not Stage.DONE:
                self._context.nudge(batch.batch_id)
                return held
            message = batch.message if batch.is_scanned else ""
            counts = dict(state.counts)
            held = self._update(held, reconciled=True, reconciliation=counts, message=message)
            self._note_rebuilt(batch)
        phase = BatchPhase.WORKING if batch.is_scanned else BatchPhase.SCANNING
        return self._update(
            held, phase=phase, had_last_look=batch.is_scanned, removals_released=False
        )

    def _note_rebuilt(self, batch: Batch) -> None:
        """From here on the records are all that the store holds: a later sync may trust them."""
        if batch.dry_run or batch.prefix != self._context.rules.prefix:
            return
        self._context.records.change(
            Deployment, DEPLOYMENT, lambda stored: replace(stored.present, unreconciled=False)
        )

    def _see_to_scan(self, held: Stored[Batch]) -> Stored[Batch]:
        """Make the next page's task where it is missing; when all is scanned, check and go on."""
        context, batch = self._context, held.present
        pages = context.records.query(PageResult, queries.latest_page(batch.batch_id))
        last = pages[0].present if pages else None
        if last is not None and not last.next_start:
            return self._scanned(held, last)
        task = scan_task(batch, last.index + 1 if last else 0)
        if not context.queues.create(task) and not context.queues.exists(task.queue, task.id):
            # Its name is burnt: it ran and was acknowledged without leaving its page.
            held = self._update(held, scan_attempt=batch.scan_attempt + 1)
            context.queues.create(scan_task(held.present, task.payload["index"]))
        return held

    def _scanned(self, held: Stored[Batch], last: PageResult) -> Stored[Batch]:
        """Check what only a complete scan can tell.

        The phase moves on last: what is interrupted here is checked again.

        Raises:
            Refused: more waits to be imported than the sync may import or spend.
        """
        held = self._update(held, counts=dict(last.counts))
        batch = held.present
        if batch.dry_run:
            outlook = DryRun(self._context)(batch, last.foresight or Foresight())
            held = self._update(held, estimate=outlook.estimate, samples=outlook.samples)
            return self._closing.close(held, BatchStatus.COMPLETED, outlook.message)
        Retries(self._context).begin(batch.batch_id, every=batch.mode is SyncMode.RETRY_FAILED)
        if batch.bounds_imports:
            refused = workload.refusals(
                waiting_work(self._context),
                max_imports=batch.max_imports,
                max_estimated_cost=batch.max_estimated_cost,
                price=self._context.rules.price,
            )
            if refused:
                raise Refused(" ".join(refused))
        return self._update(held, phase=BatchPhase.WORKING)

    def _plan(self, held: Stored[Batch], state: BreakerState) -> int:
        """Plan the next metered requests, unless a hold or a guard still has a say."""
        context, batch = self._context, held.present
        guarded = batch.bounds_imports and batch.phase is BatchPhase.SCANNING
        if guarded or not batch.store or batch.phase is BatchPhase.RECONCILING:
            return 0
        if self._storage.is_due(batch):
            held = self._look_at_storage(held)
        hold = self._traffic.read()[1].record
        if holds.in_force(hold, context.clock.now()) is not None:
            return 0
        plan = self._pump.plan(batch.next_slot_at, state, held.present.storage_room)
        if plan.storage_is_full:  # by an older look
            held = self._look_at_storage(held)
            plan = self._pump.plan(batch.next_slot_at, state, held.present.storage_room)
        if plan.day_is_spent or plan.storage_is_full:
            self._traffic.hold(HoldReason.DAY if plan.day_is_spent else HoldReason.STORAGE)
        if plan.tomorrow not in (None, batch.tomorrow):
            held = self._update(held, tomorrow=plan.tomorrow)
        if not plan.assigned:
            return 0
        self._update(held, next_slot_at=plan.next_slot_at, storage_room=plan.storage_room)
        return self._pump.carry_out(plan, batch.batch_id, state.generation)

    def _look_at_storage(self, held: Stored[Batch]) -> Stored[Batch]:
        """Note how full the project's stores are."""
        seen: dict[str, int] = {}
        try:
            seen = self._storage.look()
        except GatewayError as error:  # what was known before still stands
            self._traffic.look_failed(error)
        held = self._update(held, storage_looked_at=self._context.clock.now(), **seen)
        warning = self._storage.warning(held.present)
        return self._update(held, message=warning) if warning and not held.present.message else held

    def _sweep(self, batch: Batch, state: BreakerState, deadline: Deadline) -> None:
        try:
            Sweep(self._context)(batch.store, batch.batch_id, state.generation, deadline)
        except GatewayError as error:  # unknown, not empty: the next call lists on
            self._traffic.look_failed(error)

    def _release_removals(self, held: Stored[Batch]) -> Stored[Batch]:
        """After a complete scan: let the candidates go, if they are not suspiciously many."""
        batch = held.present
        refusal = self._removals.release(batch)
        if refusal is None:
            return self._update(held, removals_released=True)
        counts = {**batch.counts, REMOVALS_REFUSED: refusal.waiting}
        return self._update(held, removals_released=True, message=str(refusal), counts=counts)

    # --- the end ----------------------------------------------------------------------------

    def _close_if_over(self, held: Stored[Batch], *, at_rest: bool) -> None:
        """Close a batch that is done, that can't go on today, or that is too old.

        ``at_rest`` says that no file is unfinished or waits to be removed.
        """
        batch = held.present
        if batch.status is not BatchStatus.RUNNING:
            return
        if batch.phase is BatchPhase.WORKING:
            if at_rest:
                self._finish(held)
                return
            if batch.removals_released and self._is_done(held):
                return
        now = self._context.clock.now()
        unconcerned = at_rest and batch.phase is BatchPhase.SCANNING
        hold = None if unconcerned else holds.in_force(self._traffic.read()[1].record, now)
        if hold is not None and hold.reason is HoldReason.ACCOUNT:
            self._closing.close(held, BatchStatus.FAILED, ACCOUNT_FAULT)
        elif hold is not None and batch.removals_released and not self._are_any(*FREE_OF_HOLDS):
            figures = self._storage.figures(batch) if hold.reason is HoldReason.STORAGE else ""
            self._closing.close(
                held,
                BatchStatus.DEFERRED,
                f"out of allowance ({hold.reason}) until "
                f"{hold.hold_until.isoformat(timespec='minutes')}: {self._left()} files are left, "
                f"and go on with the first sync after that{'; ' if figures else ''}{figures}",
            )
        elif self._is_too_old(batch):
            self._close_for_age(held)

    def _is_too_old(self, batch: Batch, more: timedelta = timedelta(0)) -> bool:
        now = self._context.clock.now()
        return now - (batch.created_at or now) >= self._context.rules.batch_max_age + more

    def _waits_in_vain(self, batch: Batch) -> bool:
        """Whether its age ends a batch that has come to no file yet, or whose calls never end."""
        looks = batch.dry_run or batch.phase in (BatchPhase.PREPARING, BatchPhase.RECONCILING)
        return self._is_too_old(batch, OVERDUE * self._context.rules.tick * (not looks))

    def _close_for_age(self, held: Stored[Batch]) -> None:
        max_age, said = self._context.rules.batch_max_age, held.present.message
        self._closing.close(
            held,
            BatchStatus.DEFERRED,
            f"{said}{'; ' if said else ''}closed after {max_age}, so that changes and deletions "
            "are looked for again; the files that are left go on with the next sync",
        )

    def _is_done(self, held: Stored[Batch]) -> bool:
        """Close the batch if nothing is left to do; a removal found late is released first."""
        if self._are_any(*UNFINISHED):
            return False
        refused = REMOVALS_REFUSED in held.present.counts
        if not refused and self._removals.waiting(held.present):
            self._update(held, removals_released=False)
            self._context.nudge(held.present.batch_id)
        else:
            self._finish(held)
        return True

    def _finish(self, held: Stored[Batch]) -> None:
        """Close the batch, unless the store counts something that nobody has looked into."""
        if self._storage.is_due(held.present):
            held = self._look_at_storage(held)
        context, batch = self._context, held.present
        whole = batch.prefix == context.rules.prefix
        expected = batch.expected_documents if whole else None
        if expected is not None and self._count(FileStatus.FAILED):
            expected = None
        try:
            drift = MeasureDrift(context)(batch.store, expected)
        except GatewayError as error:
            self._traffic.look_failed(error)
            drift = Drift(error=str(error))
        deployment = context.records.get(Deployment, DEPLOYMENT)
        if whole and drift.by is not None and drift.by != deployment.present.known_drift:
            if not batch.had_last_look:  # what came since an earlier look is unknown to it
                Reconcile(context, batch).begin_again()
                self._update(held, phase=BatchPhase.RECONCILING, removals_released=True)
                context.nudge(batch.batch_id)
                return
            emit(Event.STORE_DRIFTED, store=batch.store, stored=drift.stored, held=drift.held)
            if batch.explains_store:
                known = replace(deployment.present, known_drift=drift.by)
                context.records.write(deployment, known)
        refused = REMOVALS_REFUSED in batch.counts
        told = "" if refused or not whole else CutOver(context).when_filled()
        message = " ".join(filter(None, (batch.message, told)))
        self._closing.finish(self._update(held, drift=drift.by, message=message), drift)

    def _left(self) -> int:
        return self._context.records.documents.count(queries.to_import())

    def _count(self, *statuses: FileStatus) -> int:
        return self._context.records.documents.count(queries.with_status(*statuses))

    def _are_any(self, *statuses: FileStatus) -> bool:
        """Whether a file is in one of these: one read, where a count takes one a thousand."""
        return bool(self._context.records.documents.count(queries.with_status(*statuses, limit=1)))

    def _update(self, held: Stored[Batch], **changes: object) -> Stored[Batch]:
        """Change the batch while this call is its supervisor. Raises ``LostLease`` otherwise."""
        mine = held.present.supervisor

        def decide(stored: Stored[Batch]) -> Batch:
            if stored.present.status.is_terminal or stored.present.supervisor != mine:
                raise LostLease("the batch is over, or another call supervises it")
            return replace(stored.present, **changes)  # type: ignore[arg-type]  # field names

        return self._context.records.change(Batch, held.path, decide, known=held)
