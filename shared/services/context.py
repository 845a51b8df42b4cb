"""What every use case works with: the deployment's rules and the ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import floor
from typing import Any

from shared.domain.deployment.rules import Rules
from shared.domain.errors import SyncError
from shared.domain.file.record import FileRecord
from shared.domain.ids import digest
from shared.gateways.database.records import Records
from shared.gateways.ports import Bucket, Chunking, Clock, Gemini, QueueName, Task, TaskQueues

PAYLOAD_VERSION = 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The ports and rules of one deployment.

    Attributes:
        rules: Every setting that decisions depend on.
        records: Firestore, typed.
        queues: Cloud Tasks.
        bucket: Cloud Storage.
        gemini: The File Search service.
        clock: Time for everything that is not judged by the database's clock.
        new_id: A fresh unguessable id.
        jitter: A fresh number in [0, 1).
        chunking: How documents are cut, None for the service's own way.
    """

    rules: Rules
    records: Records
    queues: TaskQueues
    bucket: Bucket
    gemini: Gemini
    clock: Clock
    new_id: Callable[[], str]
    jitter: Callable[[], float]
    chunking: Chunking | None = None

    def step_task(self, record: FileRecord, generation: int = 0) -> Task:
        """The task of the record's next step, as its schedule says.

        ``generation`` is the breaker's when the step's slot was planned. Raises ``LookupError``
        where no task is responsible.
        """
        task = record.schedule.task
        if task is None:
            raise LookupError(f"no task is responsible for {record.path!r}")
        payload = {
            "schema": PAYLOAD_VERSION,
            "path": record.path,
            "seq": record.schedule.seq,
            "batch": record.batch_id,
            "generation": generation,
        }
        return Task(QueueName(task.queue), task.id, "/step", payload, task.at)

    def nudge(self, batch_id: str) -> None:
        """Ask for the supervisor soon. Many asking within one span make one task, at its end.

        A failure is no harm: Scheduler's tick comes anyway.
        """
        span = self.rules.nudge
        number = floor((self.clock.now() - _EPOCH) / span) + 1
        self.queues.create(
            Task(
                QueueName.CONTROL,
                digest("nudge", batch_id, number),
                "/control/supervise",
                {"schema": PAYLOAD_VERSION, "batch": batch_id},
                _EPOCH + span * number,
            )
        )


class InvalidTask(SyncError):
    """A task that this version can't read. It is dropped: its file is found by being overdue."""


def checked_payload(payload: Mapping[str, Any], **types: type) -> list[Any]:
    """The named values of a task's payload. Raises ``InvalidTask`` naming what is wrong."""
    if payload.get("schema") != PAYLOAD_VERSION:
        raise InvalidTask(f"schema {payload.get('schema')!r} of the task is not known here")
    values = []
    for name, kind in types.items():
        if not isinstance(payload.get(name), kind):
            raise InvalidTask(f"the task's {name} must be {kind.__name__}")
        values.append(payload[name])
    return values


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a work budget."""

    clock: Clock
    at: datetime

    @classmethod
    def after(cls, clock: Clock, budget: timedelta) -> Deadline:
        return cls(clock, clock.now() + budget)

    @property
    def passed(self) -> bool:
        return self.clock.now() >= self.at
