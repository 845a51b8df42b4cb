"""One delivery at work on one claimed file: its requests, and what each failure means.

Whose retry, whose blame: Gemini's errors are ours to retry, with backoff, and a file is blamed
only for what is its own. A 429, a storm or an account fault gives the attempt back.
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
from shared.domain.file import file_policy, lifecycle, outcomes, transfer
from shared.domain.file.record import Desired, FailureKind, FileRecord, FileStatus, Working
from shared.domain.scan import comparison
from shared.domain.throttle import breaker
from shared.domain.throttle.breaker import Permit
from shared.domain.throttle.circuit import CircuitState
from shared.domain.throttle.holds import HoldReason
from shared.domain.throttle.window import EntryOutcome
from shared.gateways.ports import Create, QueueName, Write
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.source.inspection import inspect_one
from shared.services.throttle.call_gate import CallGate
from shared.services.worker.claim import ClaimedFile, Transition

T = TypeVar("T")

Errors = tuple[type[GatewayError], ...]

GONE: Errors = (NotFound, Forbidden)
"""How Gemini says that something isn't there (any more); the latter to a bad key as well."""

INLINE_READS = 6
"""Looks at something that takes a moment, 0.15 s to 1.5 s apart (3.75 s in all, unless scaled),
before the waiting is bought with a task's schedule instead of a running instance."""


class HandedOn(SyncError):
    """The delivery is over: what comes next is written, and has its task."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a step works with. ``permit`` is what the breaker gave this delivery."""

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
        """What the bucket wants. Raises ``LookupError`` where it has no such object."""
        if self.record.desired is None:
            raise LookupError(f"nothing is wanted of {self.record.path!r}")
        return self.record.desired

    @property
    def working(self) -> Working:
        """What is on its way into the store. Raises ``LookupError`` where nothing is."""
        if self.record.working is None:
            raise LookupError(f"nothing of {self.record.path!r} is on its way")
        return self.record.working

    @property
    def raw_name(self) -> str:
        """Resource name of the raw file. Raises ``LookupError`` where there is none."""
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
            HandedOn: it failed; the same step comes again later, and this delivery is over.
            GatewayError: it failed with one of ``but``, which the caller knows the meaning of.
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
        """The answer, or None where what the request is about is surely not there.

        Gemini says 403 both of what isn't there and to a bad key. So a 403 is believed only if
        the store answers, and if it comes again: the key may have been bad for a moment.

        Raises ``HandedOn`` as ``ask`` does.
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
        self, look: Callable[[], T], *, until: Callable[[T], bool], reraise: Errors = ()
    ) -> T:
        """Look a few times within seconds; the last answer, whether ``until`` holds or not.

        Raises what ``ask`` does.
        """
        scale = self.context.rules.inline_wait / INLINE_WAIT
        retrying = Retrying(
            retry=retry_if_result(lambda answer: not until(answer)),
            stop=stop_after_attempt(INLINE_READS),
            wait=wait_exponential(multiplier=scale * 0.15, max=scale * 1.5),
            sleep=self.context.clock.sleep,
            retry_error_callback=lambda state: state.outcome and state.outcome.result(),
        )
        return retrying(lambda: self.ask(look, reraise=reraise))

    def success_entry(self, call: str) -> Create:
        return self.gate.entry(EntryOutcome.SUCCESS, self.permit, batch_id=self.batch_id, call=call)

    # --- handing on -------------------------------------------------------------------------

    def poll_at(self, at: datetime, then: Transition, also: Sequence[Write] = ()) -> None:
        """Write ``then``'s change, and leave the next look to a task at ``at``."""

        def transition(record: FileRecord) -> FileRecord:
            return lifecycle.handed_on(then(record), QueueName.POLLS, at, self.now(), self.policy)

        self.file.apply(transition, also)
        self.context.queues.create(self.context.step_task(self.record, self.permit.generation))

    def next_poll_at(self, waiting_since: datetime) -> datetime:
        """Half again as long as it has taken so far, between the policy's bounds."""
        now = self.now()
        wait = (now - waiting_since) / 2
        return now + min(max(wait, self.policy.poll_first), self.policy.poll_most)

    def waiting_since(self, patience: timedelta) -> datetime:
        """When the record's wait began, whose deadline was ``patience`` later."""
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
        """Whether a 400, 401 or 403 may be the account's fault: the store can't be read either.

        Then no file is to be blamed; and where the store is refused as well, a hold begins.
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
        """A metered request failed, and surely had no effect, or one that a retry will find."""
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
        """The try counts for nothing: the file waits for another slot, from ``ready_at`` on."""
        at = ready_at or self.now()
        self.file.apply(lambda record: transfer.given_back(record, at, self.now()), also)

    def source_unavailable(self, error: GatewayError) -> None:
        """The bucket can't be read now: the file waits, and neither it nor Gemini is to blame."""
        wait = self.policy.backoff(self.record.tries.errors_in_a_row + 1, self.context.jitter())
        self._give_back_after(error, self.now() + wait)
        self.nudge()

    def _give_back_after(self, error: GatewayError, ready_at: datetime) -> None:
        """The try counts for nothing, but there was an error."""
        self.file.apply(
            lambda record: transfer.given_back(
                transfer.error_noted(record, error, self.now()), ready_at, self.now()
            )
        )

    def report_to_breaker(self, error: GatewayError) -> None:
        """A failed look that the file needn't wait for still counts for the breaker."""
        if isinstance(error, Throttled):
            self.file.count(throttled=1)
        self.gate.unmetered_failed(error, self.permit.generation)

    def retry_later(self, error: GatewayError) -> NoReturn:
        """A look or a deletion failed: the same again later; nothing is lost by waiting."""
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
            self.poll_at(ready_at, lambda record: transfer.error_noted(record, error, self.now()))
        self.gate.unmetered_failed(error, self.permit.generation)

    def _asked_wait(self, error: Throttled) -> timedelta:
        return breaker.believed(error.retry_after, self.context.rules.breaker)

    def try_again(self, reason: str, code: int | None, also: Sequence[Write] = ()) -> None:
        """From the last safe point again, after a backoff, as long as there are tries left."""
        jitter = self.context.jitter()
        self.file.apply(
            lambda record: transfer.tried_again(
                record, reason, code, self.now(), jitter, self.policy
            ),
            also,
        )
        self._log_if_failed()
        self.nudge()

    def fail(
        self, kind: FailureKind, reason: str, code: int | None, also: Sequence[Write] = ()
    ) -> None:
        """Out of tries, or never going to work."""
        self.file.apply(
            lambda record: outcomes.failed(record, kind, reason, code, self.now(), self.policy),
            also,
        )
        self._log_if_failed()
        self.nudge()

    def restart(self, also: Sequence[Write] = ()) -> None:
        """From the upload again: the raw file is of no use any more."""
        self.file.apply(lambda record: transfer.restarted(record, self.now(), self.policy), also)
        self.nudge()

    def replan(self) -> None:
        """The object is not what was planned: look at it now and plan for what is there."""
        planned = self.record
        try:
            wanted = inspect_one(self.context, planned.path)
        except GatewayError as error:
            self.source_unavailable(error)
            return

        def transition(record: FileRecord) -> FileRecord:
            if comparison.is_aimed_alike(record, planned):
                return comparison.re_aimed(record, wanted, self.now(), self.policy)
            return transfer.restarted(record, self.now(), self.policy)  # a scan was later

        self.file.apply(transition)
        self.nudge()

    def _log_if_failed(self) -> None:
        record = self.record
        if record.status is FileStatus.FAILED and record.failure is not None:
            emit(
                Event.FILE_FAILED,
                path=record.path,
                kind=record.failure.kind or "",
                reason=record.failure.reason,
                attempts=record.tries.attempts,
            )
