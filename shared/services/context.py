"""The ports and rules that every use case is given, and the tasks and deadlines that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor

from shared.domain.deployment.rules import Rules
from shared.domain.file.record import FileRecord
from shared.domain.ids import digest
from shared.gateways.database.carried import carried
from shared.gateways.database.records import Records
from shared.gateways.ports import (
    AtOnce,
    Bucket,
    Chunking,
    Clock,
    Gemini,
    QueueName,
    Task,
    TaskQueues,
)
from shared.services.task_payload import PAYLOAD_VERSION

LOOKS_PATH = "/looks"
"""Path of the poller's task."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The ports and rules of one deployment.

    Attributes:
        rules: The deployment's settings and limits.
        records: Typed records in Firestore.
        queues: Cloud Tasks.
        bucket: Cloud Storage.
        gemini: The File Search service.
        at_once: Makes calls at the same time.
        clock: The current time, except where the database's read time decides.
        new_id: Returns a new unguessable id.
        jitter: Returns a random number in [0, 1).
        chunking: How documents are split into chunks; None leaves it to the service.
    """

    rules: Rules
    records: Records
    queues: TaskQueues
    bucket: Bucket
    gemini: Gemini
    at_once: AtOnce
    clock: Clock
    new_id: Callable[[], str]
    jitter: Callable[[], float]
    chunking: Chunking | None = None

    def step_task(
        self,
        record: FileRecord,
        generation: int = 0,
        store: str = "",
        *,
        nudges: bool = True,
        version: object | None = None,
    ) -> Task:
        """The task of the record's next step, as its schedule defines it.

        Args:
            record: A file record whose schedule names a task.
            generation: The breaker's generation when the step's slot was planned.
            store: Resource name of the batch's store, if the caller knows it.
            nudges: Whether the supervisor is to be called once the step is done.
            version: The version that the record was written as, for a task that carries the record;
                None for one that doesn't.

        Raises:
            LookupError: the schedule names no task.
        """
        task = record.schedule.task
        if task is None:
            raise LookupError(f"the schedule of {record.path!r} names no task")
        payload = {
            "schema": PAYLOAD_VERSION,
            "path": record.path,
            "seq": record.schedule.seq,
            "batch": record.batch_id,
            "generation": generation,
            "store": store,
            "nudges": nudges,
            "record": carried(record, version) if version is not None else "",
        }
        return Task(QueueName(task.queue), task.id, "/step", payload, task.at)

    def is_planned_ahead(self, next_slot_at: datetime | None) -> bool:
        """Whether metered requests are planned beyond Cloud Scheduler's next call.

        Then that call is soon enough to plan others, and no nudge is needed.
        """
        return next_slot_at is not None and next_slot_at > self.clock.now() + self.rules.tick

    def nudge(self, batch_id: str, after: datetime | None = None) -> None:
        """Ask for a call of the supervisor soon, or soon after a time that lies ahead.

        All nudges within one span (``rules.nudge_span``) share one task, which runs at the span's
        end. A lost nudge only costs time: Cloud Scheduler calls the supervisor anyway.
        """
        span = self.rules.nudge_span
        now = self.clock.now()
        number = _next_point(max(after or now, now), span)
        self.queues.create(
            Task(
                QueueName.CONTROL,
                digest("nudge", batch_id, number),
                "/control/supervise",
                {"schema": PAYLOAD_VERSION, "batch": batch_id},
                _EPOCH + span * number,
            )
        )

    def wake_poller(self, batch_id: str, times: Iterable[datetime]) -> None:
        """Let the poller run when looks are due at these times; call it once the records say so.

        All looks up to one point of the grid (``rules.look_grid``) share one task, which runs at
        that point. A lost task is noticed when its looks are overdue.
        """
        grid, now = self.rules.look_grid, self.clock.now()
        payload = {"schema": PAYLOAD_VERSION, "batch": batch_id}
        points = sorted({_EPOCH + grid * _next_point(max(at, now), grid) for at in times})
        tasks = [
            Task(
                QueueName.POLLS,
                digest("looks", batch_id, point.isoformat()),
                LOOKS_PATH,
                payload,
                point,
            )
            for point in points
        ]
        self.queues.create_many(tasks)


def _next_point(after: datetime, grid: timedelta) -> int:
    """The number of the first point of a grid that comes later than ``after``."""
    return floor((after - _EPOCH) / grid) + 1


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time at which a call must stop working."""

    clock: Clock
    at: datetime

    @classmethod
    def after(cls, clock: Clock, budget: timedelta) -> Deadline:
        return cls(clock, clock.now() + budget)

    @property
    def passed(self) -> bool:
        return self.clock.now() >= self.at
