"""Starts each task when its queue allows it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from local.cloud_tasks.broker.broker import Broker
from local.cloud_tasks.delivery.dispatch_log import Dispatch, DispatchLog
from local.cloud_tasks.delivery.identity import Identity
from local.cloud_tasks.delivery.sender import Sender
from local.cloud_tasks.delivery.task_request import Delivery, delivery_of
from local.cloud_tasks.queue.faults import FaultSwitch
from local.cloud_tasks.queue.queue import Queue
from local.cloud_tasks.queue.task import Attempt, Outcome, TaskRecord

LONGEST_SLEEP = 1.0
"""Seconds. Timers use the monotonic clock but schedules use the wall clock. Checking this often
handles a wall clock that was changed and a machine that was suspended."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Timer:
    at: float
    handle: asyncio.TimerHandle


class Dispatcher:
    """Has one timer per waiting queue and one asyncio task per delivery in progress.

    Everything runs on the event loop that created it, so a queue's state is always consistent.

    Args:
        broker: Its queues are dispatched.
        sender: Sends the requests.
        identity: Signs the OIDC tokens.
        faults: Decides which tasks are lost or delivered twice.
        log: Receives every delivery.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        broker: Broker,
        sender: Sender,
        identity: Identity,
        faults: FaultSwitch,
        log: DispatchLog,
        clock: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._sender = sender
        self._identity = identity
        self._faults = faults
        self._dispatches = log
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._timers: dict[str, _Timer] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopped = False

    def start(self) -> None:
        """Dispatch all due tasks, and from now on every task when it becomes due."""
        self._broker.changed = self.pump
        for queue in self._broker.queues.values():
            self.pump(queue)

    async def stop(self, grace: float) -> None:
        """Start no more tasks; cancel deliveries still in progress after `grace` seconds.

        A cancelled task is unchanged, and is delivered again after a restart with the same state.
        """
        self._stopped = True
        for timer in self._timers.values():
            timer.handle.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=grace)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def pump(self, queue: Queue) -> None:
        """Start every task of the queue that may start now, and set a timer for the next one."""
        if self._stopped:
            return
        now = self._clock()
        while (record := queue.take(now)) is not None:
            if self._faults.faults.loses(record.name):
                self._broker.lose(queue, record)
            else:
                self._begin(queue, record, forced=False)
        self._set_timer(queue, now)

    def run_now(self, queue: Queue, record: TaskRecord) -> None:
        """Start a task regardless of its time, the queue's limits, and whether it is paused."""
        self._begin(queue, record, forced=True)

    def _set_timer(self, queue: Queue, now: float) -> None:
        at = queue.wake_at(now)
        timer = self._timers.get(queue.name)
        if timer is not None:
            if at is not None and now < timer.at <= at:
                return
            timer.handle.cancel()
            del self._timers[queue.name]
        if at is not None:
            at = min(at, now + LONGEST_SLEEP)
            handle = self._loop.call_later(max(0.0, at - now), self._wake, queue)
            self._timers[queue.name] = _Timer(at, handle)

    def _wake(self, queue: Queue) -> None:
        del self._timers[queue.name]
        self.pump(queue)

    def _begin(self, queue: Queue, record: TaskRecord, *, forced: bool) -> None:
        attempt = queue.begin(record, self._clock(), forced=forced)
        delivery = delivery_of(queue, record, attempt, self._identity)
        self._spawn(self._attempt(queue, record, attempt, delivery))
        if self._faults.faults.duplicates(record.name, attempt.number):
            queue.counters.duplicated += 1
            self._spawn(self._duplicate(queue, record, attempt, delivery))

    async def _attempt(
        self, queue: Queue, record: TaskRecord, attempt: Attempt, delivery: Delivery
    ) -> None:
        outcome = await self._deliver(queue, record, attempt, delivery, duplicate=False)
        verdict = queue.finish(record, attempt, outcome, self._clock())
        try:
            self._broker.settle(record, verdict)
        finally:  # a state that can't be written holds up no other task
            self.pump(queue)

    async def _duplicate(
        self, queue: Queue, record: TaskRecord, attempt: Attempt, delivery: Delivery
    ) -> None:
        await asyncio.sleep(self._faults.faults.duplicate_delay)
        await self._deliver(queue, record, attempt, delivery, duplicate=True)

    async def _deliver(
        self,
        queue: Queue,
        record: TaskRecord,
        attempt: Attempt,
        delivery: Delivery,
        *,
        duplicate: bool,
    ) -> Outcome:
        dispatch = Dispatch(
            task=record.name,
            queue=queue.name,
            attempt=attempt.number,
            scheduled_at=attempt.scheduled_at,
            dispatched_at=self._clock(),
            duplicate=duplicate,
        )
        self._dispatches.add(dispatch)
        outcome = await self._sender.send(delivery)
        dispatch.finished_at = self._clock()
        dispatch.status, dispatch.reason = outcome.status, outcome.reason
        return outcome

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a delivery failed unexpectedly", exc_info=error)
