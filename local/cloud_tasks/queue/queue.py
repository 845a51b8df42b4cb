"""One queue: its tasks, its limits, and when each task is dispatched. Does no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

import grpc

from local.cloud_tasks.queue.faults import FaultSwitch
from local.cloud_tasks.queue.queue_config import fill_retry
from local.cloud_tasks.queue.retry import RETENTION, RetryPolicy
from local.cloud_tasks.queue.schedule import Schedule
from local.cloud_tasks.queue.task import Attempt, Outcome, TaskRecord
from local.cloud_tasks.queue.throttle import PUSHBACK, Throttle
from local.cloud_tasks.queue.token_bucket import TokenBucket, burst_size
from local.cloud_tasks.wire.messages import (
    PAUSED,
    Message,
    QueueMessage,
    RetryConfig,
    Status,
    seconds,
    set_seconds,
)

LATENESS = 0.05
"""Seconds. A task that a slow timer starts at most this late takes its token as if it were on time.
Otherwise each late start would delay all later tasks of an evenly spaced schedule."""

_GRPC_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}  # the HTTP mapping in the comments of google/rpc/code.proto


class Verdict(StrEnum):
    """What a finished attempt means for its task."""

    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    DROPPED = "dropped"  # no retries are left
    GONE = "gone"  # deleted or purged during the attempt


@dataclass(slots=True)
class Counters:
    """What a queue has done since the server started.

    Attributes:
        dispatched: Attempts sent, without duplicates.
        duplicated: Second deliveries of an attempt, made as a fault.
        succeeded: Attempts answered with 2xx.
        failed: All other finished attempts.
        retried: Failed attempts whose task was scheduled again.
        dropped: Tasks deleted because their retries ran out.
        lost: Tasks deleted without delivery, as a fault.
    """

    dispatched: int = 0
    duplicated: int = 0
    succeeded: int = 0
    failed: int = 0
    retried: int = 0
    dropped: int = 0
    lost: int = 0


class Queue:
    """A queue with its tasks.

    Args:
        message: A complete `Queue` message.
        now: Seconds since the epoch, like all times here.
        faults: Decides which attempts become due late.
        throttled: Whether 429 and 503 answers slow the queue down.
    """

    def __init__(
        self, message: QueueMessage, now: float, faults: FaultSwitch, *, throttled: bool = True
    ) -> None:
        self.message = message
        self.tasks: dict[str, TaskRecord] = {}
        self.counters = Counters()
        self.in_flight = 0
        self._schedule = Schedule()
        self._faults = faults
        self._throttled = throttled
        self._throttle = Throttle()
        self._bucket = TokenBucket(self.rate, now)
        self._bucket_rate = self.rate

    @property
    def name(self) -> str:
        """The full resource name."""
        name: str = self.message.name
        return name

    @property
    def rate(self) -> float:
        """The configured number of dispatches per second."""
        rate: float = self.message.rate_limits.max_dispatches_per_second
        return rate

    @property
    def paused(self) -> bool:
        """Whether only RunTask starts tasks."""
        return bool(self.message.state == PAUSED)

    def effective_rate(self, now: float) -> float:
        """Return the dispatches per second after throttling."""
        return self.rate * self._throttle.factor(now)

    def configure(self, message: QueueMessage, now: float) -> None:
        """Replace the settings, effective immediately."""
        self.message = message
        self._follow_rate(now)

    def policy(self, record: TaskRecord) -> RetryPolicy:
        """Return the task's retry settings; missing values are those of the queue."""
        of_queue = RetryPolicy.of(self.message.retry_config)
        if not record.message.HasField("retry_config"):
            return of_queue
        config = RetryConfig()
        config.CopyFrom(record.message.retry_config)
        fill_retry(config, of_queue)
        return RetryPolicy.of(config)

    def add(self, record: TaskRecord) -> None:
        """Add a task, due at its `schedule_time`."""
        self.tasks[record.name] = record
        self._put(record)

    def remove(self, name: str) -> None:
        """Delete a task; an attempt in progress continues.

        Raises:
            KeyError: There is no such task.
        """
        del self.tasks[name]
        self._schedule.discard(name)

    def expired(self, now: float) -> Iterator[str]:
        """Return the names of tasks past their retention; tasks are kept in order of creation."""
        old = takewhile(lambda record: now - record.created > RETENTION, self.tasks.values())
        return (record.name for record in old)

    def wake_at(self, now: float) -> float | None:
        """Return when the next task may start; `now` or earlier means immediately.

        Returns None while the queue is paused, empty, or at its concurrency limit.
        """
        if self.paused or self.in_flight >= self.message.rate_limits.max_concurrent_dispatches:
            return None
        due = self._schedule.first_due()
        if due is None:
            return None
        self._follow_rate(now)
        return self._bucket.ready_at(max(due, now - LATENESS))

    def take(self, now: float) -> TaskRecord | None:
        """Take the next task that may start now, and its token; None if there is none."""
        at = self.wake_at(now)
        if at is None or at > now:
            return None
        self._bucket.take(at)
        return self.tasks[self._schedule.pop()]

    def begin(self, record: TaskRecord, now: float, *, forced: bool = False) -> Attempt:
        """Record that an attempt starts; the caller must call `finish` later."""
        message = record.message
        attempt = Attempt(message.dispatch_count + 1, record.due, now, forced)
        self._schedule.discard(record.name)
        self.in_flight += 1
        self.counters.dispatched += 1
        message.dispatch_count = attempt.number
        if not message.HasField("first_attempt"):
            set_seconds(message.first_attempt.dispatch_time, now)
        message.last_attempt.Clear()
        set_seconds(message.last_attempt.schedule_time, attempt.scheduled_at)
        set_seconds(message.last_attempt.dispatch_time, now)
        return attempt

    def finish(self, record: TaskRecord, attempt: Attempt, outcome: Outcome, now: float) -> Verdict:
        """Record how an attempt ended, and delete its task or schedule it again."""
        self.in_flight -= 1
        if outcome.succeeded:
            self.counters.succeeded += 1
        else:
            self.counters.failed += 1
        if self._throttled and outcome.status in PUSHBACK:
            self._throttle.push_back(now)
        if self.tasks.get(record.name) is not record:
            return Verdict.GONE
        if outcome.succeeded:
            self.remove(record.name)
            return Verdict.SUCCEEDED
        self._note_failure(record, outcome, now)
        policy = self.policy(record)
        elapsed = now - seconds(record.message.first_attempt.dispatch_time)
        if policy.exhausted(record.attempts, elapsed):
            self.remove(record.name)
            self.counters.dropped += 1
            return Verdict.DROPPED
        # The reference of RunTask counts the delay from the call, not from the failure.
        since = attempt.dispatched_at if attempt.forced else now
        due = max(since + policy.backoff(record.attempts), now + (outcome.retry_after or 0.0))
        set_seconds(record.message.schedule_time, due)
        self._put(record)
        self.counters.retried += 1
        return Verdict.RETRIED

    def _note_failure(self, record: TaskRecord, outcome: Outcome, now: float) -> None:
        record.previous_status = outcome.status
        record.retry_reason = outcome.reason
        record.execution_count += outcome.executed
        if outcome.status is not None:
            record.message.response_count += 1
        last = record.message.last_attempt
        set_seconds(last.response_time, now)
        last.response_status.CopyFrom(_rpc_status(outcome))

    def _put(self, record: TaskRecord) -> None:
        lateness = self._faults.faults.lateness(record.name, record.attempts + 1)
        self._schedule.put(record.name, record.due + lateness)

    def _follow_rate(self, now: float) -> None:
        rate = self.effective_rate(now)
        if rate != self._bucket_rate:
            self._bucket.resize(rate, burst_size(self.rate), now)
            self._bucket_rate = rate


def _rpc_status(outcome: Outcome) -> Message:
    if outcome.status is not None:
        code = _GRPC_CODES.get(outcome.status, grpc.StatusCode.UNKNOWN)
    elif outcome.timed_out:
        code = grpc.StatusCode.DEADLINE_EXCEEDED
    else:
        code = grpc.StatusCode.UNAVAILABLE
    return Status(code=code.value[0], message=outcome.reason)
