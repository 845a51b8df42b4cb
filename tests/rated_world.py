"""A world whose uploads queue has the rate, burst and concurrency of the deployed one.

Deliveries run beside each other on a virtual clock, and the service refuses each metered request
beyond exactly the preset in any 60 seconds.
"""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_right
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

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
from tests.benchmarks.load import METERED
from tests.simulation.world.stage import Actor, Stage
from tests.twins.clock import ManualClock
from tests.world import World, rules

MINUTE = timedelta(minutes=1)
NO_DELAY = timedelta(0)
OK, FAILED = Outcome(200), Outcome(500, "HTTP status 500")

Delay = Callable[[Task], timedelta]


class RatedWorld:
    """A sync of ``files`` new files that has begun.

    Attributes:
        delay: How much later than planned each task of the uploads queue becomes due.
        spans: When each call of a function began and ended, in the order of the ends.
        requests: The time of each metered request, in order.
        refused: How many of them got a 429.
    """

    def __init__(self, tier: str, files: int, delay: Delay = lambda _: NO_DELAY) -> None:
        self.tier = tier_named(tier)
        self.stage = Stage()
        given = rules(tier=self.tier, max_imports_in_progress=files)
        self.world = World(given, cast("ManualClock", self.stage))
        self.world.put({f"{number:05}.md": f"content of {number}" for number in range(files)})
        self.delay = delay
        self.spans: list[tuple[datetime, datetime]] = []
        self.requests: list[datetime] = []
        self.refused = 0
        self._queue = self._uploads_queue()
        self._attempts: dict[Actor, tuple[Task, TaskRecord, Attempt] | tuple[Task, None, None]] = {}
        self._tasks: dict[str, Task] = {}
        self._others: list[tuple[datetime, int, Task]] = []
        self._create = self.world.queues._create
        self.world.queues._create = self._added  # type: ignore[method-assign]  # this world only
        self.world.gemini.on_call = self._called
        self._next_tick = self.stage.now()
        self._order = partial(next, itertools.count())
        self.batch = self.world.start(SyncRequest())

    # --- playing --------------------------------------------------------------------------------

    def play_for(self, time: timedelta) -> None:
        """Let everything happen that is due within ``time``."""
        end = self.stage.now() + time
        while True:
            at = min(when for when, _ in self._next())
            if at > end:
                self.stage.advance_to(end)
                return
            self.stage.advance_to(at)
            min(self._next(), key=lambda due: due[0])[1]()

    def play_out(self) -> Batch:
        """Let the sync come to its end."""
        path = batch_path(self.batch.batch_id)
        while self.world.documents._find(path).fields["phase"] != BatchPhase.CLOSED.value:  # type: ignore[union-attr]  # no read that counts
            self.play_for(timedelta(seconds=10))
        return self.world.records.get(Batch, path).present

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

    def _next(self) -> list[tuple[datetime, Callable[[], object]]]:
        now = self.stage.now()
        due: list[tuple[datetime, Callable[[], object]]] = [(self._next_tick, self._tick)]
        due += [(actor.wake_at, partial(self._go_on, actor)) for actor in self.stage.actors]
        if self._others:
            due.append((self._others[0][0], self._deliver_other))
        wake = self._queue.wake_at(now.timestamp())
        if wake is not None:
            at = now + timedelta(seconds=max(wake - now.timestamp(), 0))
            due.append((at, self._deliver_upload))
        return due

    def _tick(self) -> None:
        self._next_tick += self.world.rules.tick
        began = self.stage.now()
        with suppress(SyncError):
            self.world.supervise()
        self.spans.append((began, self.stage.now()))

    def _deliver_upload(self) -> None:
        # A time as a float may come a microsecond too soon.
        now = self.stage.now().timestamp() + 1e-6
        record = self._queue.take(now)
        if record is not None:
            attempt = self._queue.begin(record, now)
            self._begin(self._tasks[record.name], record, attempt)

    def _deliver_other(self) -> None:
        self._begin(heapq.heappop(self._others)[2], None, None)

    def _begin(self, task: Task, record: TaskRecord | None, attempt: Attempt | None) -> None:
        handlers: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "/step": self.world.advance,
            "/looks": self.world.look,
            "/control/scan": self.world.scan,
            "/control/supervise": lambda _: self.world.supervise(),
        }
        actor = self.stage.spawn("delivery", lambda: handlers[task.path](task.payload))
        self._attempts[actor] = cast("Any", (task, record, attempt))
        self._go_on(actor)

    def _go_on(self, actor: Actor) -> None:
        self.stage.resume(actor)
        if not actor.finished:
            return
        self.spans.append((actor.started_at, self.stage.now()))
        task, record, attempt = self._attempts.pop(actor)
        if actor.error is not None and not isinstance(actor.error, SyncError):
            raise actor.error
        if record is not None and attempt is not None:
            outcome = FAILED if actor.error else OK
            self._queue.finish(record, attempt, outcome, self.stage.now().timestamp())
        elif actor.error is not None:
            again = self.stage.now() + timedelta(seconds=10)
            heapq.heappush(self._others, (again, self._order(), task))
        if actor.error is None:
            self.world.queues.acknowledge(task)

    def _added(self, task: Task) -> bool:
        if not self._create(task):
            return False
        at = task.at or self.stage.now()
        if task.queue is not QueueName.UPLOADS:
            heapq.heappush(self._others, (at, self._order(), task))
            return True
        message = TaskMessage(name=task.id)
        set_seconds(message.create_time, self.stage.now().timestamp())
        set_seconds(message.schedule_time, (at + self.delay(task)).timestamp())
        self._tasks[task.id] = task
        self._queue.add(TaskRecord(message))
        return True

    def _called(self, call: str) -> None:
        name, _, moment = call.partition(":")
        if moment != "enter" or name not in METERED:
            return
        now = self.stage.now()
        self.requests.append(now)
        if len(self.requests) - bisect_right(self.requests, now - MINUTE) > self.tier.rpm:
            self.refused += 1
            raise Throttled(name)

    def _uploads_queue(self) -> Queue:
        message = QueueMessage(name="projects/p/locations/l/queues/uploads", state=RUNNING)
        message.rate_limits.max_dispatches_per_second = self.tier.dispatches_per_second
        message.rate_limits.max_concurrent_dispatches = self.tier.max_concurrent_dispatches
        message.retry_config.max_attempts = -1
        set_seconds(message.retry_config.min_backoff, 10)
        set_seconds(message.retry_config.max_backoff, 300)
        return Queue(completed(message), self.stage.now().timestamp(), FaultSwitch(Faults()))
