"""In-memory twin of the task queues."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import GatewayError
from shared.gateways.ports import Clock, QueueName, Task
from tests.twins.scripted_calls import ScriptedCalls

TOMBSTONE = timedelta(hours=24)
"""How long a finished task's name can't be used: "up to 24 hours", by the API reference."""


@dataclass(slots=True)
class _Waiting:
    task: Task
    due: datetime
    order: int


def create_each(create: Callable[[Task], bool], tasks: Iterable[Task]) -> int:
    """Create each task; returns how many are new. Raises the first failure after trying all."""
    new = 0
    failure: GatewayError | None = None
    for task in tasks:
        try:
            new += create(task)
        except GatewayError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return new


class MemoryTasks(ScriptedCalls):
    """``TaskQueues`` in memory, without rates. The test delivers due tasks and acknowledges them.

    A task stays in its queue until it is acknowledged. So a test can deliver it twice, or lose its
    response by not acknowledging it.

    Attributes:
        created: Number of tasks created.
    """

    def __init__(self, clock: Clock, *, tombstone: timedelta = TOMBSTONE) -> None:
        super().__init__()
        self.created = 0
        self._clock = clock
        self._tombstone = tombstone
        self._waiting: dict[tuple[QueueName, str], _Waiting] = {}
        self._taken_until: dict[tuple[QueueName, str], datetime] = {}

    # --- the port -------------------------------------------------------------------------

    def create(self, task: Task) -> bool:
        """Queue a task; False if its name is in use or was used recently."""
        with self._call("create"):
            return self._create(task)

    def create_many(self, tasks: Sequence[Task]) -> int:
        """Queue tasks one by one, each a scripted ``create``; returns how many are new."""
        return create_each(self.create, tasks)

    def exists(self, queue: QueueName, task_id: str) -> bool:
        """Whether the task is still in its queue."""
        with self._call("exists"):
            return (queue, task_id) in self._waiting

    # --- for tests ------------------------------------------------------------------------

    @property
    def waiting(self) -> list[Task]:
        """All tasks in the queues, in the order in which they are due."""
        return _in_order(self._waiting.values())

    def due(self, now: datetime) -> list[Task]:
        """Tasks that are due, the longest waiting first."""
        return _in_order(entry for entry in self._waiting.values() if entry.due <= now)

    def next_due(self) -> datetime | None:
        """When the next task is due; None if the queues are empty."""
        return min((entry.due for entry in self._waiting.values()), default=None)

    def acknowledge(self, task: Task) -> None:
        """The handler answered 2xx: remove the task; its name can't be used for a while."""
        if self._waiting.pop((task.queue, task.id), None):
            self._taken_until[task.queue, task.id] = self._clock.now() + self._tombstone

    def retry_later(self, task: Task, at: datetime) -> None:
        """The handler failed or did not answer: the task is due again at ``at``."""
        self._waiting[task.queue, task.id].due = at

    def _create(self, task: Task) -> bool:
        key = (task.queue, task.id)
        now = self._clock.now()
        taken_until = self._taken_until.get(key)
        if key in self._waiting or (taken_until is not None and now < taken_until):
            return False
        self.created += 1
        self._waiting[key] = _Waiting(task, task.at or now, self.created)
        return True


def _in_order(entries: Iterable[_Waiting]) -> list[Task]:
    return [e.task for e in sorted(entries, key=lambda entry: (entry.due, entry.order))]
