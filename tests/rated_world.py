"""A world whose uploads queue has the rate, burst and concurrency of the deployed one.

Deliveries and the supervisor's calls run beside each other on a virtual clock. Unless another
service is given, each metered request beyond exactly the preset in any 60 seconds is refused.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, cast

from local.cloud_tasks.queue.faults import Faults, FaultSwitch
from local.cloud_tasks.queue.queue import Queue
from local.cloud_tasks.queue.queue_config import completed
from local.cloud_tasks.queue.task import Attempt, Outcome, TaskRecord
from local.cloud_tasks.wire.messages import PAUSED, RUNNING, set_seconds
from local.cloud_tasks.wire.messages import Queue as QueueMessage
from local.cloud_tasks.wire.messages import Task as TaskMessage
from shared.domain.batch.batch import Batch, BatchPhase
from shared.domain.batch.request import SyncRequest
from shared.domain.errors import SyncError, Throttled
from shared.domain.throttle.tiers import tier_named
from shared.gateways.database.records import batch_path
from shared.gateways.ports import QueueName, Task
from tests.benchmarks.quota.service import METERED
from tests.simulation.world.stage import Actor, Stage
from tests.twins.clock import ManualClock
from tests.world import World, rules

MINUTE = timedelta(minutes=1)
NO_DELAY = timedelta(0)
OK, FAILED = Outcome(200), Outcome(500, "HTTP status 500")

Delay = Callable[[Task], timedelta]


class Service(Protocol):
    def refusal(self, call: str, now: datetime) -> SyncError | None:
        """Why a call of Gemini that comes now is refused, e.g. "import_file"; None if it isn't."""


class ExactPreset:
    """Refuses each metered request beyond ``rpm`` in any 60 seconds; refused ones count, too."""

    def __init__(self, rpm: int) -> None:
        self._rpm = rpm
        self._requests: list[datetime] = []

    def refusal(self, call: str, now: datetime) -> SyncError | None:
        if call not in METERED:
            return None
        self._requests.append(now)
        in_a_minute = len(self._requests) - bisect_right(self._requests, now - MINUTE)
        return Throttled(call) if in_a_minute > self._rpm else None


@dataclass(frozen=True, slots=True)
class Span:
    """A request that a function served."""

    function: str
    began: datetime
    ended: datetime


@dataclass(slots=True)
class _Begun:
    """A request that is being served; those of the uploads queue have an attempt."""

    function: str
    task: Task | None = None
    record: TaskRecord | None = None
    attempt: Attempt | None = None


class RatedWorld:
    """A sync of ``files`` new files that has begun.

    Attributes:
        delay: How much later than planned each task of the uploads queue becomes due.
        requests: The time of each metered request, in order.
        refused: How many of them were refused.
        spans: The requests that functions served, in the order of their ends.
        calls: Attempts of Cloud Tasks to deliver.
    """

    def __init__(
        self,
        tier: str,
        files: int,
        delay: Delay = lambda _: NO_DELAY,
        *,
        service: Service | None = None,
        has_many: bool = False,
        **changes: Any,
    ) -> None:
        self.tier = tier_named(tier)
        self.stage = Stage()
        given = rules(**{"tier": self.tier, "max_imports_in_progress": files, **changes})
        self.world = World(given, cast("ManualClock", self.stage), has_many)
        self.world.put({f"{number:06}.md": f"content of {number}" for number in range(files)})
        self.delay = delay
        self.requests: list[datetime] = []
        self.refused = 0
        self.spans: list[Span] = []
        self.calls = 0
        self._service = service or ExactPreset(self.tier.rpm)
        self._queue = self._uploads_queue()
        self._begun: dict[Actor, _Begun] = {}
        self._tasks: dict[str, Task] = {}
        self._due: list[tuple[datetime, int, Callable[[], object]]] = []
        self._create = self.world.queues._create
        self.world.queues._create = self._added  # type: ignore[method-assign]  # this world only
        self.world.gemini.on_call = self._called
        self._order = partial(next, itertools.count())
        self._at(self.stage.now(), self._tick)
        self.batch = self.world.start(SyncRequest())

    # --- playing --------------------------------------------------------------------------------

    def play_for(self, time: timedelta) -> None:
        """Let everything happen that is due within ``time``."""
        end = self.stage.now() + time
        while True:
            at, next_upload = self._due[0][0], self._next_upload()
            if next_upload is not None and next_upload < at:
                at = next_upload
            if at > end:
                self.stage.advance_to(end)
                return
            self.stage.advance_to(at)
            if at == next_upload:
                self._deliver_upload()
            else:
                heapq.heappop(self._due)[2]()

    def play_out(self) -> Batch:
        """Let the sync come to its end."""
        while not self.is_over():
            self.play_for(timedelta(seconds=10))
        return self.world.records.get(Batch, batch_path(self.batch.batch_id)).present

    def is_over(self) -> bool:
        """Whether the sync has ended; nothing is read that counts."""
        found = self.world.documents._find(batch_path(self.batch.batch_id))
        return found is not None and found.fields["phase"] == BatchPhase.CLOSED.value

    def start(self) -> None:
        """Start another sync."""
        self.batch = self.world.start(SyncRequest())

    def pause(self) -> None:
        """Pause the uploads queue."""
        self._queue.message.state = PAUSED

    def resume(self) -> None:
        """Resume the uploads queue, which then holds as many tokens as it can."""
        self._queue.message.state = RUNNING

    def close(self) -> None:
        """End the deliveries that wait, and their threads."""
        self.stage.clear()

    # --- looking --------------------------------------------------------------------------------

    def most_in_a_minute(self) -> int:
        """The most metered requests in any 60 seconds, without their earlier end."""
        firsts = (bisect_right(self.requests, at - MINUTE) for at in self.requests)
        return max(last + 1 - first for last, first in enumerate(firsts))

    def share_of_preset(self, begin: datetime) -> float:
        """Metered requests from ``begin`` until now, as a share of the preset."""
        made = len([at for at in self.requests if at >= begin])
        return made / (self.tier.rpm * ((self.stage.now() - begin) / MINUTE))

    # --- how ------------------------------------------------------------------------------------

    def _at(self, at: datetime, act: Callable[[], object]) -> None:
        heapq.heappush(self._due, (at, self._order(), act))

    def _next_upload(self) -> datetime | None:
        now = self.stage.now()
        wake = self._queue.wake_at(now.timestamp())
        if wake is None:
            return None
        return now + timedelta(seconds=max(wake - now.timestamp(), 0))

    def _tick(self) -> None:
        self._at(self.stage.now() + self.world.rules.tick, self._tick)
        self._begin(_Begun("dispatcher"), self.world.supervise)

    def _deliver_upload(self) -> None:
        # A time as a float may come a microsecond too soon.
        now = self.stage.now().timestamp() + 1e-6
        record = self._queue.take(now)
        if record is not None:
            task = self._tasks[record.name]
            self._deliver(task, record, self._queue.begin(record, now))

    def _deliver(
        self, task: Task, record: TaskRecord | None = None, attempt: Attempt | None = None
    ) -> None:
        function, handler = self._handlers()[task.path]
        self.calls += 1
        self._begin(_Begun(function, task, record, attempt), lambda: handler(task.payload))

    def _handlers(self) -> dict[str, tuple[str, Callable[[Mapping[str, Any]], object]]]:
        return {
            "/step": ("upload", self.world.advance),
            "/looks": ("upload", self.world.look),
            "/control/scan": ("dispatcher", self.world.scan),
            "/control/supervise": ("dispatcher", lambda _: self.world.supervise()),
        }

    def _begin(self, begun: _Begun, work: Callable[[], object]) -> None:
        actor = self.stage.spawn(begun.function, work)
        self._begun[actor] = begun
        self._go_on(actor)

    def _go_on(self, actor: Actor) -> None:
        self.stage.resume(actor)
        if actor.finished:
            self._end(actor, self._begun.pop(actor))
        else:
            self._at(actor.wake_at, partial(self._go_on, actor))

    def _end(self, actor: Actor, begun: _Begun) -> None:
        if actor.error is not None and not isinstance(actor.error, SyncError):
            raise actor.error
        now, task = self.stage.now(), begun.task
        self.spans.append(Span(begun.function, actor.started_at, now))
        if begun.record is not None and begun.attempt is not None:
            outcome = FAILED if actor.error else OK
            self._queue.finish(begun.record, begun.attempt, outcome, now.timestamp())
        elif actor.error is not None and task is not None:
            self._at(now + timedelta(seconds=10), partial(self._deliver, task))
        if actor.error is None and task is not None:
            self.world.queues.acknowledge(task)

    def _added(self, task: Task) -> bool:
        if not self._create(task):
            return False
        at = task.at or self.stage.now()
        if task.queue is not QueueName.UPLOADS:
            self._at(at, partial(self._deliver, task))
            return True
        message = TaskMessage(name=task.id)
        set_seconds(message.create_time, self.stage.now().timestamp())
        set_seconds(message.schedule_time, (at + self.delay(task)).timestamp())
        self._tasks[task.id] = task
        self._queue.add(TaskRecord(message))
        return True

    def _called(self, call: str) -> None:
        name, _, moment = call.partition(":")
        if moment != "enter":
            return
        now = self.stage.now()
        refusal = self._service.refusal(name, now)
        if name in METERED:
            self.requests.append(now)
            self.refused += refusal is not None
        if refusal is not None:
            raise refusal

    def _uploads_queue(self) -> Queue:
        message = QueueMessage(name="projects/p/locations/l/queues/uploads", state=RUNNING)
        message.rate_limits.max_dispatches_per_second = self.tier.dispatches_per_second
        message.rate_limits.max_concurrent_dispatches = self.tier.max_concurrent_dispatches
        message.retry_config.max_attempts = -1
        set_seconds(message.retry_config.min_backoff, 10)
        set_seconds(message.retry_config.max_backoff, 300)
        return Queue(completed(message), self.stage.now().timestamp(), FaultSwitch(Faults()))
