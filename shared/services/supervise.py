"""The supervisor: one idempotent call that sees to everything a batch may need.

Scheduler makes it every minute, nudges make it sooner; whatever was interrupted, the next call
goes on. So no chain of tasks can break for good, and nobody has to watch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain import holds, journey
from shared.domain import lease as leases
from shared.domain.batches import (
    Batch,
    BatchPhase,
    BatchStatus,
    Deployment,
    PageResult,
)
from shared.domain.breaker import BreakerState
from shared.domain.errors import (
    AlreadyExists,
    Conflict,
    GatewayError,
    LostLease,
    Refused,
)
from shared.domain.files import IN_FLIGHT, UNFINISHED, FileRecord, FileStatus
from shared.domain.holds import Hold, HoldReason
from shared.domain.journey import Step
from shared.domain.lease import Lease, LeaseHeld
from shared.domain.planning import deletion_cap
from shared.gateways import queries
from shared.gateways.ports import QueueName, Task, Write
from shared.gateways.records import (
    DEPLOYMENT,
    LEASE,
    Stored,
    batch_path,
    creating,
    updating,
)
from shared.services.closing import Closing
from shared.services.context import Context, Deadline
from shared.services.events import Event, emit
from shared.services.pump import Pump
from shared.services.scan import scan_task
from shared.services.store import EnsureStore
from shared.services.sweep import Sweep
from shared.services.traffic import Traffic

REMOVALS_AT_ONCE = 500
OVERDUE_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Supervision:
    """What one call did; ``batch_id`` is empty where nothing is running."""

    batch_id: str = ""
    status: str = "idle"
    planned: int = 0


class Supervise:
    """Moves the running batch on, if there is one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._traffic = Traffic(context)
        self._pump = Pump(context)
        self._closing = Closing(context)

    def __call__(self) -> Supervision:
        """One call: at most one at a time works, the others leave at once.

        Raises:
            GatewayError: Gemini or the bucket failed; the next call tries again.
            Unavailable: our own infrastructure failed; likewise.
        """
        lease = self._context.records.get(Lease, LEASE)
        if lease.record is None or lease.record.released:
            return Supervision()
        batch = self._context.records.get(Batch, batch_path(lease.record.holder))
        if batch.record is None or batch.record.status.is_terminal:
            self._closing.release(lease)
            return Supervision()
        try:
            held = self._take(lease, batch)
        except (Conflict, AlreadyExists):
            return Supervision(batch.record.batch_id, "busy")
        except LeaseHeld:
            return Supervision(batch.record.batch_id, "waiting to take over")
        if held is None:
            return Supervision(batch.record.batch_id, "busy")
        try:
            return self._supervise(held)
        except (Conflict, LostLease):
            return Supervision(batch.record.batch_id, "overtaken")
        except Refused as refusal:
            self._closing.close(held, BatchStatus.REFUSED, str(refusal))
            return Supervision(batch.record.batch_id, BatchStatus.REFUSED)
        finally:
            self._hand_back(held)

    # --- whose turn it is -------------------------------------------------------------------

    def _take(self, lease: Stored[Lease], batch: Stored[Batch]) -> Stored[Batch] | None:
        """Become the supervisor and renew the lease, in one write; None where one is at work.

        A lease that ran out is acquired anew for the same batch, under the next fence.
        """
        context, now = self._context, batch.read_time
        known = batch.present
        if known.supervisor and known.supervised_until and now < known.supervised_until:
            return None
        policy = context.rules.lease
        try:
            renewed = leases.renew(
                lease.record, known.batch_id, known.nonce, known.fence, now, policy
            )
        except LostLease:
            renewed = leases.acquire(lease.record, known.batch_id, context.new_id(), now, policy)
        taken = replace(
            known,
            supervisor=context.new_id(),
            supervised_until=now + context.rules.work_budget * 1.25,
            nonce=renewed.nonce,
            fence=renewed.fence,
        )
        writes: list[Write] = [updating(batch.path, taken, batch.version, known)]
        if renewed != lease.record:
            writes.append(updating(LEASE, renewed, lease.version, lease.record))
        versions = context.records.documents.commit(writes)
        if taken.fence != known.fence:
            emit(Event.LEASE_TAKEN_OVER, batch_id=taken.batch_id, fence=taken.fence)
        return Stored(batch.path, taken, versions[0], now)

    def _hand_back(self, held: Stored[Batch]) -> None:
        mine = held.present.supervisor

        def decide(stored: Stored[Batch]) -> Batch | None:
            if stored.record is None or stored.record.supervisor != mine:
                return None
            return replace(stored.record, supervisor="", supervised_until=None)

        self._context.records.change(Batch, held.path, decide)

    def _update(self, held: Stored[Batch], **changes: object) -> Stored[Batch]:
        """Change the batch while this call is its supervisor. Raises ``LostLease`` otherwise."""
        mine = held.present.supervisor

        def decide(stored: Stored[Batch]) -> Batch:
            if stored.record is None or stored.record.supervisor != mine:
                raise LostLease("another call supervises the batch")
            return replace(stored.record, **changes)  # type: ignore[arg-type]  # field names

        return self._context.records.change(Batch, held.path, decide)

    # --- what there is to do ----------------------------------------------------------------

    def _supervise(self, held: Stored[Batch]) -> Supervision:
        context = self._context
        deadline = Deadline.after(context.clock, context.rules.work_budget)
        batch = held.present
        if batch.phase is BatchPhase.PREPARING:
            held = self._prepare(held)
        if held.present.phase is BatchPhase.SCANNING:
            held = self._see_to_scan(held)
        batch = held.present
        if batch.phase is BatchPhase.CLOSED:
            return Supervision(batch.batch_id, batch.status)
        if batch.status is BatchStatus.PAUSED:
            return Supervision(batch.batch_id, batch.status)

        self._see_to_overdue(batch)
        state = self._traffic.tick()
        if batch.phase is BatchPhase.WORKING and not batch.removals_released:
            held = self._release_removals(held)
        planned = self._plan(held, state)
        if held.present.store:
            self._sweep(held.present, state, deadline)
        held = context.records.get(Batch, held.path)
        self._close_if_over(held)
        return Supervision(batch.batch_id, BatchStatus.RUNNING, planned)

    def _prepare(self, held: Stored[Batch]) -> Stored[Batch]:
        """Find or make the store, and note what the records belong to."""
        context, batch = self._context, held.present
        if batch.dry_run:
            return self._update(held, phase=BatchPhase.SCANNING)
        deployment = context.records.get(Deployment, DEPLOYMENT)
        if deployment.record is None:
            store = EnsureStore(context)(force=batch.force)
            rules = context.rules
            record = Deployment(
                bucket=rules.bucket,
                prefix=rules.prefix,
                deployment=rules.deployment,
                store=store,
                owner=rules.owner,
                created_at=context.clock.now(),
            )
            context.records.documents.commit([creating(DEPLOYMENT, record)])
        else:
            store = deployment.record.store
        return self._update(held, phase=BatchPhase.SCANNING, store=store)

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
        batch = held.present
        held = self._update(held, phase=BatchPhase.WORKING, counts=dict(last.counts))
        if batch.dry_run:
            return self._closing.close(held, BatchStatus.COMPLETED, "dry run: nothing was changed")
        if batch.max_imports is not None:
            waiting = self._context.records.documents.count(queries.with_status(FileStatus.PENDING))
            if waiting > batch.max_imports:
                raise Refused(
                    f"{waiting} files wait to be imported, more than max_imports "
                    f"{batch.max_imports}; nothing was imported. Ask for at least {waiting} to "
                    "allow it"
                )
        return held

    def _plan(self, held: Stored[Batch], state: BreakerState) -> int:
        """Plan the next metered requests, unless a hold or a guard still has a say."""
        context, batch = self._context, held.present
        guarded = batch.max_imports is not None and batch.phase is BatchPhase.SCANNING
        if guarded or not batch.store:
            return 0
        hold = self._traffic.read()[1].record
        if holds.in_force(hold, context.clock.now()) is not None:
            return 0
        plan = self._pump.plan(batch.next_slot_at, state)
        if not plan.assigned:
            return 0
        self._update(held, next_slot_at=plan.next_slot_at)
        return self._pump.carry_out(plan, batch.batch_id, state.generation)

    def _sweep(self, batch: Batch, state: BreakerState, deadline: Deadline) -> None:
        try:
            Sweep(self._context)(batch.store, batch.batch_id, state.generation, deadline)
        except GatewayError:
            return  # unknown, not empty: the next call lists on

    # --- lost tasks -------------------------------------------------------------------------

    def _see_to_overdue(self, batch: Batch) -> None:
        """Files nothing was heard of: where their task is gone, a new one is made."""
        context = self._context
        query = queries.overdue(context.clock.now(), OVERDUE_AT_ONCE)
        for stored in context.records.query(FileRecord, query):
            record = stored.present
            alive = bool(record.task_id) and context.queues.exists(
                QueueName(record.task_queue), record.task_id
            )
            try:
                saved = context.records.write(
                    stored, self._revived(record, batch, stored.read_time, alive=alive)
                )
            except Conflict:
                continue  # something was heard of it this very moment
            if not alive and saved.present.task_id:
                context.queues.create(context.step_task(saved.present))

    def _revived(
        self, record: FileRecord, batch: Batch, now: datetime, *, alive: bool
    ) -> FileRecord:
        policy = self._context.rules.journey
        if alive:
            return replace(record, overdue_at=now + policy.overdue_grace)
        record = journey.taken_over(record, batch.batch_id)
        step = journey.next_step(record)
        if step.is_metered:
            return journey.postponed(record, now, now)
        if step is Step.NOTHING:
            return replace(record, overdue_at=None)
        return journey.handed_on(record, QueueName.POLLS, now, now, policy)

    # --- removals ---------------------------------------------------------------------------

    def _release_removals(self, held: Stored[Batch]) -> Stored[Batch]:
        """After a complete scan: let the candidates go, if they are not suspiciously many.

        Raises:
            Refused: they are, with the figures and the way to allow it. The imports go on
                with the next sync; no document was deleted.
        """
        context, batch = self._context, held.present
        documents = context.records.documents
        candidates = queries.with_status(FileStatus.REMOVAL_CANDIDATE)
        waiting = documents.count(candidates)
        indexed = documents.count(queries.with_status(FileStatus.INDEXED)) + waiting
        cap = deletion_cap(indexed, batch.max_deletes)
        if waiting > cap:
            return self._update(
                held,
                removals_released=True,
                message=(
                    f"{waiting} of {indexed} documents would be deleted, more than the {cap} "
                    f"allowed: none was. If that is right, sync with max_deletes={waiting} or more"
                ),
                counts={**batch.counts, "removals_refused": waiting},
            )
        while True:
            query = queries.with_status(FileStatus.REMOVAL_CANDIDATE, limit=REMOVALS_AT_ONCE)
            if not self._release(context.records.query(FileRecord, query), batch):
                break
        return self._update(held, removals_released=True)

    def _release(self, candidates: list[Stored[FileRecord]], batch: Batch) -> bool:
        context = self._context
        now = context.clock.now()
        released: dict[str, FileRecord] = {}
        writes: list[Write] = []
        for stored in candidates:
            record = journey.removal_begun(
                stored.present, batch.batch_id, QueueName.POLLS, now, context.rules.journey
            )
            released[stored.path] = record
            writes.append(updating(stored.path, record, stored.version, stored.present))
        for write in context.records.commit_each(writes):
            del released[write.path]
        tasks: list[Task] = [context.step_task(record) for record in released.values()]
        if tasks:
            context.queues.create_many(tasks)
        return bool(released)

    # --- the end ----------------------------------------------------------------------------

    def _close_if_over(self, held: Stored[Batch]) -> None:
        context, batch = self._context, held.present
        if batch.status is not BatchStatus.RUNNING:
            return
        now = context.clock.now()
        documents = context.records.documents
        if batch.phase is BatchPhase.WORKING and batch.removals_released:
            unfinished = documents.count(queries.with_status(*UNFINISHED))
            late = documents.count(queries.with_status(FileStatus.REMOVAL_CANDIDATE))
            if unfinished == 0:
                if late and "removals_refused" not in batch.counts:
                    self._update(held, removals_released=False)
                    context.nudge(batch.batch_id)
                    return
                self._closing.finish(held)
                return
        hold = holds.in_force(self._traffic.read()[1].record, now)
        too_old = batch.created_at is not None and now - batch.created_at >= (
            context.rules.batch_max_age
        )
        if hold is not None and not documents.count(queries.with_status(*IN_FLIGHT)):
            self._close_held(held, hold)
        elif too_old:
            self._closing.close(
                held,
                BatchStatus.DEFERRED,
                f"closed after {context.rules.batch_max_age}, so that changes and deletions are "
                "looked for again; the files that are left go on with the next sync",
            )

    def _close_held(self, held: Stored[Batch], hold: Hold) -> None:
        until = hold.hold_until.isoformat(timespec="minutes")
        if hold.reason is HoldReason.ACCOUNT:
            self._closing.close(
                held,
                BatchStatus.FAILED,
                "Gemini refuses the account: check the API key, its project and the store's "
                "permissions, then sync again; no file was blamed",
            )
        else:
            self._closing.close(
                held,
                BatchStatus.DEFERRED,
                f"out of allowance ({hold.reason}) until {until}: the files that are left go on "
                "with the first sync after that",
            )
