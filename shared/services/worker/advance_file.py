"""Handles one delivery of a file's task: decides whether it may work on the file, does the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.domain.batch.batch import Batch
from shared.domain.errors import Conflict
from shared.domain.file import attempt, lifecycle, outcomes
from shared.domain.file.lifecycle import Step, Turn
from shared.domain.file.record import FileRecord
from shared.domain.ids import digest
from shared.domain.throttle import holds, late_starts
from shared.domain.throttle.breaker import Permit, Proceed
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.holds import Hold, HoldReason
from shared.gateways.database.carried import unpacked
from shared.gateways.database.records import BREAKER, Stored, batch_path, file_path
from shared.log_labels import labelled
from shared.services.context import Context
from shared.services.task_payload import StepPayload, checked_payload
from shared.services.throttle.booked_start import BookedStart, StartTurn
from shared.services.throttle.call_gate import CallGate
from shared.services.worker.claim import Abandoned, ClaimedFile
from shared.services.worker.delete_documents import DeleteDocuments
from shared.services.worker.delivery import Delivery
from shared.services.worker.file_work import HandedOn
from shared.services.worker.import_file import ImportStep
from shared.services.worker.upload import UploadStep

READ_ATTEMPTS = 5
"""Reads of a record that keeps changing, before the delivery fails and Cloud Tasks retries it."""


class Outcome(StrEnum):
    """The result of a delivery; each of them acknowledges the task."""

    GONE = "gone"
    OVER = "over"
    STALE = "stale"
    BUSY = "busy"
    GIVEN_BACK = "given_back"
    ABANDONED = "abandoned"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class _DeliveredTask:
    path: str
    seq: int
    batch_id: str
    store: str
    generation: int
    nudges: bool
    record: str
    start: BookedStart


class AdvanceFile:
    """Does one step for one file. Repeated, late and concurrent deliveries do no harm."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = CallGate(context)

    def __call__(self, payload: Mapping[str, Any]) -> Outcome:
        """Handle one delivery.

        Raises:
            InvalidTask: this version can't read the payload.
            Conflict: the record keeps changing; answer 5xx, so that the task is retried.
            Unavailable: Firestore or Cloud Tasks failed; answer 5xx likewise.
        """
        given = checked_payload(StepPayload, payload)
        start = BookedStart(self._context)
        task = _DeliveredTask(
            path=given.path,
            seq=given.seq,
            batch_id=given.batch,
            store=given.store,
            generation=given.generation,
            nudges=given.nudges,
            record=given.record,
            start=start,
        )
        with labelled(batch=task.batch_id, file=task.path):
            for _ in range(READ_ATTEMPTS):
                try:
                    return self._deliver(task)
                except Conflict:
                    task = replace(task, record="")
        raise Conflict(f"the record of {task.path!r} keeps changing")

    def _deliver(self, task: _DeliveredTask) -> Outcome:
        file, state = self._read(task)
        record = file.record
        if record is None:
            return Outcome.GONE
        match lifecycle.turn(record, task.seq, file.read_time):
            case Turn.OVER:
                return Outcome.OVER
            case Turn.STALE:
                self._ensure_task(record, task)
                return Outcome.STALE
            case Turn.BUSY:
                self._ensure_guard_task(record, task)
                return Outcome.BUSY
            case Turn.MINE:
                pass

        try:
            with labelled(step=lifecycle.next_step(record).value):
                return self._step(file, state, task)
        except Abandoned:
            return Outcome.ABANDONED
        except HandedOn:
            return Outcome.DONE

    def _read(self, task: _DeliveredTask) -> tuple[Stored[FileRecord], Stored[BreakerState]]:
        """The file and the breaker's state, in one round trip.

        The task of a metered step mostly carries the file's record, which saves a read. If it has
        changed since, the first write meets a conflict, before Gemini is asked for anything that
        can't be repeated. A late delivery may be a repeated one, and books no start in vain.
        """
        records, path = self._context.records, file_path(task.path)
        if task.record:
            state = records.get(BreakerState, BREAKER)
            carried = unpacked(FileRecord, path, task.record, state.read_time)
            if carried is not None and _is_on_time(task, carried, self._context.clock.now()):
                return carried, state
        file, state = records.get_all([(FileRecord, path), (BreakerState, BREAKER)])
        return file, state

    def _step(
        self, file: Stored[FileRecord], state: Stored[BreakerState], task: _DeliveredTask
    ) -> Outcome:
        step = lifecycle.next_step(file.present)
        if step.is_metered:
            return self._metered_step(file, state, task)
        if step is Step.REMOVE:
            return self._removal(file, state, task)
        self._leave_to_poller(file, task)
        return Outcome.DONE

    def _metered_step(
        self, file: Stored[FileRecord], state: Stored[BreakerState], task: _DeliveredTask
    ) -> Outcome:
        context = self._context
        now = context.clock.now()
        known = state.record or BreakerState()
        planned_before = task.generation != known.generation
        is_for_it = known.running == task.batch_id and task.path.startswith(known.part)
        if not is_for_it or planned_before:
            # The pump assigns a new slot, at the pace of that time.
            self._postpone(file, now)
            return Outcome.GIVEN_BACK
        if self._gate.blocked_until(known) is None:
            planned = file.present.schedule.task
            match task.start.take(planned.at if planned else now, state):
                case StartTurn.WAITED:
                    return self._deliver(replace(task, record=""))
                case StartTurn.GIVEN_BACK:
                    self._postpone(file, now)
                    return Outcome.GIVEN_BACK
                case StartTurn.NOW:
                    pass
        claim_id = context.new_id()
        admission = self._gate.admit(state, claim_id)
        if not isinstance(admission, Proceed):
            # One tick at most: a hold may also be lifted before its time.
            self._postpone(file, min(max(admission.until, now), now + context.rules.tick))
            return Outcome.GIVEN_BACK
        delivery = self._delivery(file, task, admission.permit)
        try:
            if lifecycle.next_step(file.present) is Step.UPLOAD:
                UploadStep(delivery).upload(claim_id, file.read_time)
            else:
                ImportStep(delivery).import_file(claim_id, file.read_time)
        finally:
            self._gate.return_permit(admission.permit)  # does nothing if a result has used it
        return Outcome.DONE

    def _delivery(self, file: Stored[FileRecord], task: _DeliveredTask, permit: Permit) -> Delivery:
        return Delivery(
            context=self._context,
            gate=self._gate,
            file=ClaimedFile(self._context, file),
            store=task.store or self._store_of(task.batch_id),
            batch_id=task.batch_id,
            generation=permit.generation,
            nudges=task.nudges,
            permit=permit,
        )

    def _store_of(self, batch_id: str) -> str:
        """The store of a batch, for a task that doesn't name it."""
        batch = self._context.records.get(Batch, batch_path(batch_id)).record
        return batch.store if batch else ""

    def _is_left(self, file: Stored[FileRecord], hold: Hold | None) -> bool:
        """Whether a step that needs no metered request is left to the next batch.

        A removal has to be released again. While the account is refused, nothing is asked in vain:
        the next batch finds the file overdue.
        """
        now = self._context.clock.now()
        if outcomes.may_halt_removal(file.present):
            self._context.records.write(file, outcomes.removal_halted(file.present, now))
            return True
        standing = holds.in_force(hold, now)
        return standing is not None and standing.reason is HoldReason.ACCOUNT

    def _postpone(self, file: Stored[FileRecord], ready_at: datetime) -> None:
        now = self._context.clock.now()
        self._context.records.write(file, attempt.postponed(file.present, ready_at, now))

    def _leave_to_poller(self, file: Stored[FileRecord], task: _DeliveredTask) -> None:
        """Let the poller go on with a file whose delivery died, or is of an older version."""
        now, policy = self._context.clock.now(), self._context.rules.file
        record = lifecycle.to_be_looked_at(file.present, now, now, policy)
        self._context.records.write(file, record)
        self._context.wake_poller(task.batch_id, [now])

    def _removal(
        self, file: Stored[FileRecord], state: Stored[BreakerState], task: _DeliveredTask
    ) -> Outcome:
        known = state.record or BreakerState()
        if known.running != task.batch_id and self._is_left(file, known.hold):
            return Outcome.GIVEN_BACK
        context = self._context
        claim_id = context.new_id()
        delivery = self._delivery(file, task, Permit(known.generation))
        delivery.file.claim(
            lambda record: lifecycle.claimed(record, claim_id, file.read_time, context.rules.file)
        )
        DeleteDocuments(delivery).run()
        return Outcome.DONE

    def _ensure_task(self, record: FileRecord, task: _DeliveredTask) -> None:
        """Create the record's current task, in case a crash prevented it."""
        if record.schedule.task is not None:
            again = self._context.step_task(record, task.generation, task.store)
            self._context.queues.create(again)

    def _ensure_guard_task(self, record: FileRecord, task: _DeliveredTask) -> None:
        """Create a task for the time when the claim expires.

        This delivery is acknowledged; if the claim's holder dies, that task continues its work.
        """
        if record.claim is None:
            return
        again = self._context.step_task(record, task.generation, task.store)
        guard_id = digest("guard", record.path, record.schedule.seq, record.claim.id)
        self._context.queues.create(replace(again, id=guard_id, at=record.claim.expires_at))


def _is_on_time(task: _DeliveredTask, file: Stored[FileRecord], now: datetime) -> bool:
    """Whether the record is of the task's file, which waits for this task, and it isn't late."""
    record, planned = file.present, file.present.schedule.task
    is_its_turn = lifecycle.turn(record, task.seq, file.read_time) is Turn.MINE
    is_late = planned is None or late_starts.is_late(planned.at, now)
    return record.path == task.path and is_its_turn and not is_late
