"""What the steps of a delivery share: requests of Gemini, and what each failure means.

Who retries each error, and which errors count against the file: errors of Gemini are retried here,
with backoff, and only an error that the file caused uses up one of its attempts. A 429, a storm of
errors or an account fault gives the attempt back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, TypeVar

from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_exponential

from shared.domain.deployment.rules import INLINE_WAIT
from shared.domain.errors import (
    BadRequest,
    Forbidden,
    GatewayError,
    NotFound,
    SyncError,
    Throttled,
)
from shared.domain.file import attempt, file_policy, lifecycle, outcomes
from shared.domain.file.record import Desired, FailureKind, FileRecord, FileStatus, Working
from shared.domain.scan import comparison
from shared.domain.source.eligibility import SkipReason
from shared.domain.throttle import breaker
from shared.domain.throttle.breaker import Permit
from shared.domain.throttle.breaker_state import CircuitState
from shared.domain.throttle.breaker_window import EntryOutcome
from shared.domain.throttle.holds import HoldReason
from shared.gateways.ports import Create, QueueName, Write
from shared.services.context import Context
from shared.services.source.inspection import inspect_one
from shared.services.throttle.call_gate import CallGate
from shared.services.worker.claim import ClaimedFile, Transition

T = TypeVar("T")

Errors = tuple[type[GatewayError], ...]

GONE: Errors = (NotFound, Forbidden)
"""Gemini's answers if something does not exist; it also answers 403 to a bad API key."""

INLINE_READS = 6
"""Reads within one delivery of something that takes a moment, 0.15 s to 1.5 s apart (3.75 s in
all, unless scaled by ``inline_wait``). After that a task's schedule waits, not an instance."""


class HandedOn(SyncError):
    """The delivery is over: the next step is written, and its task is created."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claimed file with all that a step needs. ``permit`` is the breaker's for this delivery."""

    context: Context
    gate: CallGate
    file: ClaimedFile
    store: str
    batch_id: str
    permit: Permit

    @property
    def record(self) -> FileRecord:
        return self.file.record

    @property
    def desired(self) -> Desired:
        """What the scan wants indexed. Raises ``LookupError`` if the bucket has no object."""
        if self.record.desired is None:
            raise LookupError(f"the record of {self.record.path!r} names no object to index")
        return self.record.desired

    @property
    def working(self) -> Working:
        """The content being uploaded or imported. Raises ``LookupError`` if there is none."""
        if self.record.working is None:
            raise LookupError(f"no content of {self.record.path!r} is being uploaded or imported")
        return self.record.working

    @property
    def raw_name(self) -> str:
        """Resource name of the raw file. Raises ``LookupError`` if there is none."""
        if self.record.raw_file is None:
            raise LookupError(f"{self.record.path!r} has no raw file")
        return self.record.raw_file.name

    @property
    def policy(self) -> file_policy.FilePolicy:
        return self.context.rules.file

    def now(self) -> datetime:
        return self.context.clock.now()

    # --- requests ---------------------------------------------------------------------------

    def ask(self, request: Callable[[], T], *, reraise: Errors = ()) -> T:
        """Make an unmetered request of Gemini.

        Raises:
            HandedOn: it failed; the step is scheduled again, and this delivery is over.
            GatewayError: it failed with one of ``reraise``, which the caller handles.
        """
        self.file.count(unmetered=1)
        try:
            return request()
        except reraise:
            raise
        except GatewayError as error:
            self._reschedule(error)
            raise HandedOn from error

    def none_if_missing(self, request: Callable[[], T]) -> T | None:
        """Make an unmetered request; None if the thing it is about does not exist.

        Gemini answers 403 both for a missing thing and to a bad API key. So a 403 counts as missing
        only if the store can be read and a second request is refused too: the key may have been
        bad for a moment.

        Raises:
            HandedOn: it failed; the step is scheduled again, and this delivery is over.
        """
        try:
            return self.ask(request, reraise=GONE)
        except NotFound:
            return None
        except Forbidden as error:
            if self.may_be_account_fault(error):
                self.retry_later(error)
        try:
            return self.ask(request, reraise=GONE)
        except GONE:
            return None

    def poll_inline(
        self, read: Callable[[], T], *, until: Callable[[T], bool], reraise: Errors = ()
    ) -> T:
        """Read a few times within seconds, until ``until`` is true; returns the last answer.

        Args:
            read: The unmetered request.
            until: Tells whether an answer ends the wait.
            reraise: Errors that the caller handles.

        Raises:
            HandedOn: a request failed; the step is scheduled again, and this delivery is over.
            GatewayError: a request failed with one of ``reraise``.
        """
        scale = self.context.rules.inline_wait / INLINE_WAIT
        retrying = Retrying(
            retry=retry_if_result(lambda answer: not until(answer)),
            stop=stop_after_attempt(INLINE_READS),
            wait=wait_exponential(multiplier=scale * 0.15, max=scale * 1.5),
            sleep=self.context.clock.sleep,
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        return retrying(lambda: self.ask(read, reraise=reraise))

    def success_entry(self, call: str) -> Create:
        return self.gate.entry(EntryOutcome.SUCCESS, self.permit, batch_id=self.batch_id, call=call)

    # --- handing on -------------------------------------------------------------------------

    def poll_at(self, at: datetime, then: Transition, also: Sequence[Write] = ()) -> None:
        """Apply ``then`` to the record, and create the task of the next poll, at ``at``."""

        def transition(record: FileRecord) -> FileRecord:
            return lifecycle.handed_on(then(record), QueueName.POLLS, at, self.now(), self.policy)

        self.file.apply(transition, also)
        self.context.queues.create(self.context.step_task(self.record, self.permit.generation))

    def next_poll_at(self, waiting_since: datetime) -> datetime:
        """When to poll next: after half the time waited so far, within the policy's bounds."""
        now = self.now()
        wait = (now - waiting_since) / 2
        return now + min(max(wait, self.policy.poll_first), self.policy.poll_most)

    def waiting_since(self, patience: timedelta) -> datetime:
        """When the record began to wait: its deadline less ``patience``."""
        deadline = self.record.schedule.deadline
        return self.now() if deadline is None else deadline - patience

    def is_too_late(self) -> bool:
        """Whether the record's wait is past its deadline."""
        deadline = self.record.schedule.deadline
        return deadline is not None and self.now() >= deadline

    def nudge(self) -> None:
        self.context.nudge(self.batch_id)

    # --- failures ---------------------------------------------------------------------------

    def may_be_account_fault(self, error: GatewayError) -> bool:
        """Whether a 400, 401 or 403 may be an account fault: the store can't be read either.

        An account fault does not count against the file. If the store's read is refused too, calls
        are held.
        """
        if not isinstance(error, Forbidden | BadRequest):
            return False
        self.file.count(unmetered=1)
        try:
            self.context.gemini.get_store(self.store)
        except (Forbidden, BadRequest):
            self.gate.hold(HoldReason.ACCOUNT)
            return True
        except GatewayError as unknown:
            self.report_to_breaker(unknown)
            return True
        return False

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

    def _give_back_after(self, error: GatewayError, ready_at: datetime) -> None:
        """Give the attempt back, and count one more error in a row."""
        self.file.apply(
            lambda record: attempt.given_back(
                attempt.error_noted(record, error, self.now()), ready_at, self.now()
            )
        )

    def report_to_breaker(self, error: GatewayError) -> None:
        """Record with the breaker a failed unmetered request that the file need not wait for."""
        if isinstance(error, Throttled):
            self.file.count(throttled=1)
        self.gate.unmetered_failed(error, self.permit.generation)

    def retry_later(self, error: GatewayError) -> NoReturn:
        """Schedule the step again after an unmetered request failed, and end the delivery."""
        self._reschedule(error)
        raise HandedOn from error

    def _reschedule(self, error: GatewayError) -> None:
        wait = self.policy.backoff(self.record.tries.errors_in_a_row + 1, self.context.jitter())
        if isinstance(error, Throttled):
            self.file.count(throttled=1)
            wait = max(wait, self._asked_wait(error))
        ready_at = self.now() + wait
        if self.record.status is FileStatus.UPLOADING:
            self._give_back_after(error, ready_at)
        else:
            self.poll_at(ready_at, lambda record: attempt.error_noted(record, error, self.now()))
        self.gate.unmetered_failed(error, self.permit.generation)

    def _asked_wait(self, error: Throttled) -> timedelta:
        return breaker.believed(error.retry_after, self.context.rules.breaker)

    def try_again(self, reason: str, code: int | None, also: Sequence[Write] = ()) -> None:
        """Go back to the last safe point after a backoff; fail the file if no attempts are left."""
        jitter = self.context.jitter()
        self.file.apply(
            lambda record: attempt.tried_again(
                record, reason, code, self.now(), jitter, self.policy
            ),
            also,
        )
        self.nudge()

    def fail(
        self, kind: FailureKind, reason: str, code: int | None, also: Sequence[Write] = ()
    ) -> None:
        """Fail the file: its attempts are used up, or the error is permanent."""
        self.file.apply(
            lambda record: outcomes.failed(record, kind, reason, code, self.now(), self.policy),
            also,
        )
        self.nudge()

    def restart(self, also: Sequence[Write] = ()) -> None:
        """Begin again with the upload, since the raw file can't be used."""
        self.file.apply(lambda record: attempt.restarted(record, self.now(), self.policy), also)
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
