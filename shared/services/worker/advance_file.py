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
from shared.domain.throttle import holds
from shared.domain.throttle.breaker import Permit, Proceed
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.holds import Hold, HoldReason
from shared.gateways.database.records import BREAKER, HOLD, Stored, batch_path, file_path
from shared.log_labels import labelled
from shared.services.context import Context
from shared.services.task_payload import StepPayload, checked_payload
from shared.services.throttle.booked_start import BookedStart, StartTurn
from shared.services.throttle.call_gate import CallGate
from shared.services.worker.claim import Abandoned, ClaimedFile
from shared.services.worker.delete_documents import DeleteDocuments
from shared.services.worker.delivery import Delivery, HandedOn
from shared.services.worker.finish_import import FinishImport
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
    generation: int
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
        task = _DeliveredTask(
            given.path, given.seq, given.batch, given.generation, BookedStart(self._context)
        )
        with labelled(batch=task.batch_id, file=task.path):
            for _ in range(READ_ATTEMPTS):
                try:
                    return self._deliver(task)
                except Conflict:
                    continue
        raise Conflict(f"the record of {task.path!r} keeps changing")

    def _deliver(self, task: _DeliveredTask) -> Outcome:
        context = self._context
        file, batch, state, hold = context.records.get_all(
            [
                (FileRecord, file_path(task.path)),
                (Batch, batch_path(task.batch_id)),
                (BreakerState, BREAKER),
                (Hold, HOLD),
            ]
        )
        record: FileRecord | None = file.record
        if record is None or batch.record is None:
            return Outcome.GONE
        match lifecycle.turn(record, task.seq, file.read_time):
            case Turn.OVER:
                return Outcome.OVER
            case Turn.STALE:
                self._ensure_task(record, task.generation)
                return Outcome.STALE
            case Turn.BUSY:
                self._ensure_guard_task(record, task)
                return Outcome.BUSY
            case Turn.MINE:
                pass

        step = lifecycle.next_step(record)
        with labelled(step=step.value):
            try:
                if step.is_metered:
                    return self._metered_step(file, batch.record, state, hold.record, task)
                if not batch.record.is_running and self._is_left(file, hold.record):
                    return Outcome.GIVEN_BACK
                self._unmetered_step(file, batch.record, state)
            except Abandoned:
                return Outcome.ABANDONED
            except HandedOn:
                return Outcome.DONE
        return Outcome.DONE

    def _metered_step(
        self,
        file: Stored[FileRecord],
        batch: Batch,
        state: Stored[BreakerState],
        hold: Hold | None,
        task: _DeliveredTask,
    ) -> Outcome:
        context = self._context
        now = context.clock.now()
        known = state.record or BreakerState()
        planned_before = task.generation != known.generation
        if not batch.may_import(task.path) or planned_before:
            # The pump assigns a new slot, at the pace of that time.
            self._postpone(file, now)
            return Outcome.GIVEN_BACK
        if self._gate.blocked_until(known, hold) is None:
            planned = file.present.schedule.task
            match task.start.take(planned.at if planned else now, state):
                case StartTurn.WAITED:
                    return self._deliver(task)
                case StartTurn.GIVEN_BACK:
                    self._postpone(file, now)
                    return Outcome.GIVEN_BACK
                case StartTurn.NOW:
                    pass
        claim_id = context.new_id()
        admission = self._gate.admit(state, hold, claim_id)
        if not isinstance(admission, Proceed):
            # One tick at most: a hold may also be lifted before its time.
            self._postpone(file, min(max(admission.until, now), now + context.rules.tick))
            return Outcome.GIVEN_BACK
        delivery = self._delivery(file, batch, admission.permit)
        try:
            if lifecycle.next_step(file.present) is Step.UPLOAD:
                UploadStep(delivery).upload(claim_id, file.read_time)
            else:
                ImportStep(delivery).import_file(claim_id, file.read_time)
        finally:
            self._gate.return_permit(admission.permit)  # does nothing if a result has used it
        return Outcome.DONE

    def _delivery(self, file: Stored[FileRecord], batch: Batch, permit: Permit) -> Delivery:
        return Delivery(
            context=self._context,
            gate=self._gate,
            file=ClaimedFile(self._context, file),
            store=batch.store,
            batch_id=batch.batch_id,
            permit=permit,
        )

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

    def _unmetered_step(
        self, file: Stored[FileRecord], batch: Batch, state: Stored[BreakerState]
    ) -> None:
        context = self._context
        claim_id = context.new_id()
        generation = (state.record or BreakerState()).generation
        delivery = self._delivery(file, batch, Permit(generation))
        delivery.file.claim(
            lambda record: lifecycle.claimed(record, claim_id, file.read_time, context.rules.file)
        )
        match lifecycle.next_step(delivery.record):
            case Step.AWAIT_ACTIVE:
                UploadStep(delivery).await_active()
            case Step.AWAIT_IMPORT:
                FinishImport(delivery).run()
            case Step.REMOVE:
                DeleteDocuments(delivery).run()

    def _ensure_task(self, record: FileRecord, generation: int) -> None:
        """Create the record's current task, in case a crash prevented it."""
        if record.schedule.task is not None:
            self._context.queues.create(self._context.step_task(record, generation))

    def _ensure_guard_task(self, record: FileRecord, task: _DeliveredTask) -> None:
        """Create a task for the time when the claim expires.

        This delivery is acknowledged; if the claim's holder dies, that task continues its work.
        """
        if record.claim is None:
            return
        again = self._context.step_task(record, task.generation)
        guard_id = digest("guard", record.path, record.schedule.seq, record.claim.id)
        self._context.queues.create(replace(again, id=guard_id, at=record.claim.expires_at))
