"""What the work on one file shares: requests of Gemini, and what each failure means.

Who retries each error, and which errors count against the file: errors of Gemini are retried here,
with backoff, and only an error that the file caused uses up one of its attempts. A 429, a storm of
errors or an account fault gives the attempt back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn, Protocol, TypeVar

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
from shared.domain.throttle import breaker
from shared.domain.throttle.holds import HoldReason
from shared.gateways.ports import QueueName, Write
from shared.services.context import Context
from shared.services.worker.claim import Transition

T = TypeVar("T")

Errors = tuple[type[GatewayError], ...]

GONE: Errors = (NotFound, Forbidden)
"""Gemini's answers if something does not exist; it also answers 403 to a bad API key."""


class HandedOn(SyncError):
    """The work on this file is over for now: its next step is decided."""


class WorkedOn(Protocol):
    """A file's record, and how the work on it changes it."""

    @property
    def record(self) -> FileRecord: ...

    def count(self, *, metered: int = 0, throttled: int = 0, unmetered: int = 0) -> None:
        """Count requests made for this file; the next change stores the counts."""

    def apply(self, transition: Transition, also: Sequence[Write] = ()) -> None:
        """Change the record; ``also`` is written in the same commit."""


class ServiceReports(Protocol):
    """Where the work on a file reports what concerns the service."""

    def unmetered_failed(self, error: GatewayError, generation: int | None = None) -> None:
        """An unmetered call failed."""

    def hold(self, reason: HoldReason) -> object:
        """Metered calls are to be held."""


@dataclass(frozen=True, slots=True)
class FileWork:
    """A file that is worked on, with all that a step or a look needs.

    Attributes:
        context: The ports and rules.
        gate: Where to report what concerns the service.
        file: The file.
        store: Resource name of the store that the batch fills.
        batch_id: The batch.
        generation: The breaker's generation when the work began.
        nudges: Whether the supervisor is to be called once this is done.
    """

    context: Context
    gate: ServiceReports
    file: WorkedOn
    store: str
    batch_id: str
    generation: int
    nudges: bool

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

    # --- handing on -------------------------------------------------------------------------

    def poll_at(self, at: datetime, then: Transition, also: Sequence[Write] = ()) -> None:
        """Apply ``then`` to the record, and go on at ``at``.

        The poller goes on, or a task if the file is being removed.
        """

        def transition(record: FileRecord) -> FileRecord:
            after = then(record)
            if after.status is FileStatus.DELETING:
                return lifecycle.handed_on(after, QueueName.POLLS, at, self.now(), self.policy)
            return lifecycle.to_be_looked_at(after, at, self.now(), self.policy)

        self.file.apply(transition, also)
        self.wake(at)

    def wake(self, at: datetime) -> None:
        """Create the task that goes on with the file, which the record is written for."""
        if self.record.schedule.task is not None:
            self.context.queues.create(
                self.context.step_task(self.record, self.generation, self.store)
            )
        else:
            self.context.wake_poller(self.batch_id, [at])

    def next_look_at(self, waiting_since: datetime, first: timedelta) -> datetime:
        """When to look next: after half the time waited so far, from half of ``first`` on."""
        now = self.now()
        wait = max(now - waiting_since, first) / 2
        return now + min(wait, self.policy.look_most)

    def waiting_since(self, patience: timedelta) -> datetime:
        """When the record began to wait: its deadline less ``patience``."""
        deadline = self.record.schedule.deadline
        return self.now() if deadline is None else deadline - patience

    def is_too_late(self) -> bool:
        """Whether the record's wait is past its deadline."""
        deadline = self.record.schedule.deadline
        return deadline is not None and self.now() >= deadline

    def nudge(self) -> None:
        """Ask for a call of the supervisor once the file is ready for its slot, or soon."""
        if self.nudges:
            ready_at = self.record.schedule.ready_at
            is_soon = ready_at is not None and ready_at - self.now() < self.context.rules.tick
            self.context.nudge(self.batch_id, ready_at if is_soon else None)

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
        self.gate.unmetered_failed(error, self.generation)

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
        self.gate.unmetered_failed(error, self.generation)

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
