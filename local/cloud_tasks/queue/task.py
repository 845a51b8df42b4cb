"""A task, its attempts, and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass

from local.cloud_tasks.wire.messages import TaskMessage, seconds


@dataclass(slots=True)
class TaskRecord:
    """The API's own message with its times and counts, and further values sent to handlers.

    Attributes:
        message: A full `Task`.
        execution_count: The attempts that the handler answered, except with a 5xx.
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
    """The outcome of one attempt.

    Attributes:
        status: The HTTP status; None if there was no answer.
        reason: Why it failed; empty if it succeeded.
        retry_after: The seconds in the answer's Retry-After; None if it has none.
        timed_out: Whether the dispatch deadline passed before an answer.
    """

    status: int | None
    reason: str = ""
    retry_after: float | None = None
    timed_out: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether the answer was a 2xx, which deletes the task."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP's 2xx

    @property
    def executed(self) -> bool:
        """Whether the answer was not a 5xx; X-CloudTasks-TaskExecutionCount counts these."""
        return self.status is not None and self.status < 500  # noqa: PLR2004 - HTTP's 5xx


@dataclass(frozen=True, slots=True)
class Attempt:
    """One dispatch of a task.

    Attributes:
        number: Counted from 1.
        scheduled_at: When it was scheduled, in seconds since the epoch.
        dispatched_at: When it began, in seconds since the epoch.
        forced: Whether RunTask started it rather than the queue.
    """

    number: int
    scheduled_at: float
    dispatched_at: float
    forced: bool
