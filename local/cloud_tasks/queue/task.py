"""A task as the server keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from local.cloud_tasks.wire.messages import TaskMessage, seconds


@dataclass(slots=True)
class TaskRecord:
    """The API's own message, which holds times and counts, and what handlers are told besides.

    Attributes:
        message: A full `Task`.
        execution_count: Attempts the handler answered, other than with a 5xx.
        previous_status: The HTTP status of the last answer; None before the first one.
        retry_reason: Why the last attempt failed; empty before the first failure.
    """

    message: TaskMessage
    execution_count: int = 0
    previous_status: int | None = None
    retry_reason: str = ""

    @property
    def name(self) -> str:
        """The full resource name."""
        name: str = self.message.name
        return name

    @property
    def due(self) -> float:
        """`schedule_time`, in seconds since the epoch."""
        return seconds(self.message.schedule_time)

    @property
    def created(self) -> float:
        """`create_time`, in seconds since the epoch."""
        return seconds(self.message.create_time)

    @property
    def attempts(self) -> int:
        """Attempts begun so far."""
        count: int = self.message.dispatch_count
        return count


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt.

    Attributes:
        status: The HTTP status; None if no answer came.
        reason: Why it failed; empty if it did not.
        retry_after: Seconds the answer asked to wait; None if it did not ask.
        timed_out: The dispatch deadline passed first.
    """

    status: int | None
    reason: str = ""
    retry_after: float | None = None
    timed_out: bool = False

    @property
    def succeeded(self) -> bool:
        """A 2xx answer, which deletes the task."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's 2xx

    @property
    def executed(self) -> bool:
        """The handler answered, and not with a 5xx: what X-CloudTasks-TaskExecutionCount counts."""
        return self.status is not None and self.status < 500  # noqa: PLR2004 - HTTP's 5xx


@dataclass(frozen=True, slots=True)
class Attempt:
    """One dispatch of a task.

    Attributes:
        number: Counted from 1.
        scheduled_at: Seconds since the epoch, as the next.
        dispatched_at: When it began.
        forced: Started by RunTask rather than by the queue.
    """

    number: int
    scheduled_at: float
    dispatched_at: float
    forced: bool
