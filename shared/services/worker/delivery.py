"""A claimed file whose metered step, or removal, is being made by a delivery of its task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import BadRequest, GatewayError, Throttled
from shared.domain.file import attempt, outcomes
from shared.domain.file.record import Accepted, FailureKind, FileRecord
from shared.domain.scan import comparison
from shared.domain.source.eligibility import SkipReason
from shared.domain.throttle.breaker import Permit
from shared.domain.throttle.breaker_state import CircuitState
from shared.gateways.ports import Write
from shared.services.source.inspection import inspect_one
from shared.services.throttle.call_gate import CallGate
from shared.services.worker.claim import ClaimedFile
from shared.services.worker.file_work import FileWork


@dataclass(frozen=True, slots=True)
class Delivery(FileWork):
    """One delivery's work. ``permit`` is the breaker's for its metered request."""

    gate: CallGate
    file: ClaimedFile
    permit: Permit

    def accepted(self) -> Accepted:
        """What the file's record says of the metered request that has just succeeded."""
        return Accepted(self.now(), self.permit.generation)

    def displaced(self, earlier: Accepted | None, call: str) -> list[Write]:
        """What is written where such a note takes the place of an ``earlier`` one."""
        return self.gate.displaced(earlier, batch_id=self.batch_id, call=call)

    def metered_failed(self, error: GatewayError, also: Sequence[Write] = ()) -> None:
        """Handle a failed metered request that had no effect, or one that a retry will find."""
        if isinstance(error, Throttled):
            self.file.count(throttled=1)
            ready_at = self.now() + self._asked_wait(error)
            entries = self.gate.throttled_entries(error, self.permit, batch_id=self.batch_id)
            self.give_back([*also, *entries], ready_at=ready_at)
            self.gate.failed(error, self.permit)
            return
        state = self.gate.failed(error, self.permit)
        if self.may_be_account_fault(error) or state is CircuitState.OPEN:
            self.give_back(also)
        elif isinstance(error, BadRequest):
            self.fail(FailureKind.PERMANENT, str(error), error.code, also)
        else:
            self.try_again(str(error), error.code, also)

    def give_back(self, also: Sequence[Write] = (), *, ready_at: datetime | None = None) -> None:
        """Give the attempt back: the file waits for another slot, from ``ready_at`` on."""
        at = ready_at or self.now()
        self.file.apply(lambda record: attempt.given_back(record, at, self.now()), also)

    def source_unavailable(self, error: GatewayError) -> None:
        """Wait because the bucket can't be read; this counts against neither file nor Gemini."""
        wait = self.policy.backoff(self.record.tries.errors_in_a_row + 1, self.context.jitter())
        self._give_back_after(error, self.now() + wait)
        self.nudge()

    def replan(self) -> None:
        """Read the object again and plan for what it is now, since it has changed."""
        planned = self.record
        try:
            wanted = inspect_one(self.context, planned.path, planned)
        except GatewayError as error:
            self.source_unavailable(error)
            return

        def transition(record: FileRecord) -> FileRecord:
            if comparison.wants_the_same(record, planned):
                return comparison.replanned(record, wanted, self.now(), self.policy)
            return attempt.restarted(record, self.now(), self.policy)  # a scan has planned since

        self.file.apply(transition)
        self.nudge()

    def skip(self, reason: SkipReason) -> None:
        """Skip the file: a read of its content showed that it can't be imported."""
        planned = self.record

        def transition(record: FileRecord) -> FileRecord:
            if comparison.wants_the_same(record, planned):
                return outcomes.skipped(record, reason, self.now())
            return attempt.restarted(record, self.now(), self.policy)  # a scan has planned since

        self.file.apply(transition)
        self.nudge()
