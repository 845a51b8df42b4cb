"""All queues and tasks, and the operations that the API offers on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import uuid4

from local.cloud_tasks.broker.store import Store
from local.cloud_tasks.broker.tombstones import Tombstones
from local.cloud_tasks.queue.faults import FaultSwitch
from local.cloud_tasks.queue.queue import Queue, Verdict
from local.cloud_tasks.queue.queue_config import completed, merged
from local.cloud_tasks.queue.task import TaskRecord
from local.cloud_tasks.queue.task_rules import DEFAULT_DISPATCH_DEADLINE, check_task
from local.cloud_tasks.settings import Settings
from local.cloud_tasks.wire.errors import (
    Refused,
    already_exists,
    failed_precondition,
    invalid,
    not_found,
)
from local.cloud_tasks.wire.messages import (
    PAUSED,
    RUNNING,
    QueueMessage,
    Task,
    TaskMessage,
    set_seconds,
)
from local.cloud_tasks.wire.names import location_name, parent_of, queue_name, short_id, task_name

_OUTPUT_ONLY = (
    "create_time", "dispatch_count", "response_count", "first_attempt", "last_attempt", "view"
)  # fmt: skip


class Broker:
    """Holds the queues and tasks; each change is durable before it is visible.

    Args:
        settings: Durations and limits.
        store: Read once at the start, then written to.
        faults: The faults in force; passed to the queues.
        clock: Seconds since the epoch.

    Attributes:
        queues: The queues by full name.
        changed: Called with each queue whose next dispatch time may have changed.
    """

    def __init__(
        self, settings: Settings, store: Store, faults: FaultSwitch, clock: Callable[[], float]
    ) -> None:
        self.queues: dict[str, Queue] = {}
        self.changed: Callable[[Queue], None] = lambda _: None
        self._settings = settings
        self._store = store
        self._faults = faults
        self._clock = clock
        self._task_tombstones = Tombstones(settings.task_tombstone)
        self._queue_tombstones = Tombstones(settings.queue_tombstone)
        self._load()

    def create_queue(self, parent: str, message: QueueMessage) -> Queue:
        """Create a queue."""
        name = queue_name(message.name)
        if parent_of(name) != location_name(parent):
            raise invalid(f"The queue {name!r} is not in {parent!r}.")
        if name in self.queues:
            raise already_exists(f"The queue {name!r} already exists.")
        return self._new_queue(message)

    def queue(self, name: str) -> Queue:
        """Return the queue of that name.

        Raises:
            Refused: INVALID_ARGUMENT or NOT_FOUND.
        """
        try:
            return self.queues[queue_name(name)]
        except KeyError:
            raise not_found(f"The queue {name!r} does not exist.") from None

    def queues_in(self, parent: str) -> list[Queue]:
        """Return the queues of a location, sorted by name."""
        prefix = f"{location_name(parent)}/"
        return [queue for name, queue in sorted(self.queues.items()) if name.startswith(prefix)]

    def update_queue(self, message: QueueMessage, paths: Sequence[str]) -> Queue:
        """Change the fields in the mask; create the queue if it is missing, as the service does."""
        if queue_name(message.name) not in self.queues:
            return self._new_queue(message)
        queue = self.queue(message.name)
        return self._configure(queue, merged(queue.message, message, paths))

    def pause_queue(self, name: str) -> Queue:
        """Stop dispatching; tasks can still be created."""
        return self._set_state(name, PAUSED)

    def resume_queue(self, name: str) -> Queue:
        """Resume dispatching."""
        return self._set_state(name, RUNNING)

    def purge_queue(self, name: str) -> Queue:
        """Delete all tasks immediately; the real service takes up to a minute."""
        queue = self.queue(name)
        with self._store.transaction():
            self._delete_tasks(queue)
        message = completed(queue.message)
        set_seconds(message.purge_time, self._clock())
        return self._configure(queue, message)

    def delete_queue(self, name: str) -> None:
        """Delete the queue and its tasks; attempts in progress continue."""
        queue = self.queue(name)
        with self._store.transaction():
            self._delete_tasks(queue)
            expiry = self._queue_tombstones.add(queue.name, self._clock())
            self._store.delete_queue(queue.name, expiry)
        del self.queues[queue.name]
        self.changed(queue)

    def create_task(self, parent: str, message: TaskMessage) -> TaskRecord:
        """Add a task to a queue.

        Raises:
            Refused: The queue does not exist, the name is taken, or a limit is exceeded.
        """
        queue = self.queue(parent)
        now = self._clock()
        check_task(message, now, min_dispatch_deadline=self._settings.min_dispatch_deadline)
        record = TaskRecord(_new_task(message, self._free_name(queue, message.name, now), now))
        self._store.add_task(record)
        queue.add(record)
        self.changed(queue)
        return record

    def create_tasks(
        self, parent: str, messages: Sequence[TaskMessage]
    ) -> list[TaskRecord | Refused]:
        """Add tasks independently of each other; the answers are in the order of the messages."""
        self.queue(parent)
        answers: list[TaskRecord | Refused] = []
        with self._store.transaction():
            for message in messages:
                try:
                    answers.append(self.create_task(parent, message))
                except Refused as refusal:
                    answers.append(refusal)
        return answers

    def task(self, name: str) -> TaskRecord:
        """Return the task of that name.

        Raises:
            Refused: INVALID_ARGUMENT or NOT_FOUND.
        """
        queue = self.queue(parent_of(task_name(name)))
        try:
            return queue.tasks[name]
        except KeyError:
            past = self._task_tombstones.holds(name, self._clock())
            ending = "is finished or was deleted" if past else "does not exist"
            raise not_found(f"The task {name!r} {ending}.") from None

    def delete_task(self, name: str) -> None:
        """Delete a task; an attempt in progress continues."""
        queue = self.queue(parent_of(self.task(name).name))
        with self._store.transaction():
            self._delete(queue, name)
        self.changed(queue)

    def delete_tasks(self, parent: str, names: Sequence[str]) -> list[Refused | None]:
        """Delete tasks independently of each other; the answers are in the order of the names."""
        self.queue(parent)
        return [self._refusal_to_delete(parent, name) for name in names]

    def settle(self, record: TaskRecord, verdict: Verdict) -> None:
        """Save the result of an attempt."""
        if verdict is Verdict.RETRIED:
            self._store.update_task(record)
        elif verdict in (Verdict.SUCCEEDED, Verdict.DROPPED):
            with self._store.transaction():
                self._take_name(record.name)

    def lose(self, queue: Queue, record: TaskRecord) -> None:
        """Delete a task without delivering it, as an injected fault."""
        queue.counters.lost += 1
        with self._store.transaction():
            self._delete(queue, record.name)

    def sweep(self) -> None:
        """Delete expired tombstones, and tasks past their retention; call this regularly."""
        now = self._clock()
        if self._task_tombstones.sweep(now) + self._queue_tombstones.sweep(now):
            self._store.sweep_tombstones(now)
        for queue in self.queues.values():
            expired = list(queue.expired(now))
            with self._store.transaction():
                for name in expired:
                    self._delete(queue, name)

    def _load(self) -> None:
        now = self._clock()
        self._store.sweep_tombstones(now)
        for name, expiry in self._store.tombstones():
            kind = self._task_tombstones if "/tasks/" in name else self._queue_tombstones
            kind.restore(name, expiry)
        for message in self._store.queues():
            self._start(message)
        for record in self._store.tasks():
            self.queues[parent_of(record.name)].add(record)

    def _new_queue(self, message: QueueMessage) -> Queue:
        if self._queue_tombstones.holds(message.name, self._clock()):
            raise failed_precondition(f"A queue named {message.name!r} was deleted too recently.")
        message = completed(message)
        message.state = RUNNING
        message.ClearField("purge_time")
        self._store.save_queue(message)
        return self._start(message)

    def _start(self, message: QueueMessage) -> Queue:
        queue = Queue(message, self._clock(), self._faults, throttled=self._settings.throttle)
        self.queues[queue.name] = queue
        return queue

    def _set_state(self, name: str, state: int) -> Queue:
        queue = self.queue(name)
        message = completed(queue.message)
        message.state = state
        return self._configure(queue, message)

    def _configure(self, queue: Queue, message: QueueMessage) -> Queue:
        self._store.save_queue(message)
        queue.configure(message, self._clock())
        self.changed(queue)
        return queue

    def _free_name(self, queue: Queue, name: str, now: float) -> str:
        if not name:
            return f"{queue.name}/tasks/{uuid4().int}"
        if parent_of(task_name(name)) != queue.name:
            raise invalid(f"The task {name!r} is not in the queue {queue.name!r}.")
        if name in queue.tasks:
            raise already_exists(f"The task {short_id(name)!r} already exists.")
        if self._task_tombstones.holds(name, now):
            raise already_exists(f"The task name {short_id(name)!r} was used too recently.")
        return name

    def _refusal_to_delete(self, parent: str, name: str) -> Refused | None:
        try:
            if parent_of(task_name(name)) != parent:
                raise invalid(f"The task {name!r} is not in the queue {parent!r}.")
            self.delete_task(name)
        except Refused as refusal:
            return refusal
        return None

    def _delete_tasks(self, queue: Queue) -> None:
        for name in list(queue.tasks):
            self._delete(queue, name)

    def _delete(self, queue: Queue, name: str) -> None:
        self._take_name(name)
        queue.remove(name)

    def _take_name(self, name: str) -> None:
        self._store.delete_task(name, self._task_tombstones.add(name, self._clock()))


def _new_task(message: TaskMessage, name: str, now: float) -> TaskMessage:
    task = Task()
    task.CopyFrom(message)
    for field in _OUTPUT_ONLY:
        task.ClearField(field)
    task.name = name
    set_seconds(task.create_time, now)
    if not task.HasField("schedule_time") or task.schedule_time.ToNanoseconds() < now * 1e9:
        set_seconds(task.schedule_time, now)
    if not task.HasField("dispatch_deadline"):
        set_seconds(task.dispatch_deadline, DEFAULT_DISPATCH_DEADLINE)
    return task
