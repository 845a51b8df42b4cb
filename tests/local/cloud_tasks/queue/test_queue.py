from __future__ import annotations

import random

import pytest

from local.cloud_tasks.queue.faults import Faults, FaultSwitch
from local.cloud_tasks.queue.queue import LATENESS, Queue, Verdict
from local.cloud_tasks.queue.queue_config import completed
from local.cloud_tasks.queue.retry import RETENTION
from local.cloud_tasks.queue.task import Outcome, TaskRecord
from local.cloud_tasks.wire.messages import PAUSED, RUNNING, Task, set_seconds
from local.cloud_tasks.wire.messages import Queue as QueueMessage

NOW = 1_700_000_000.0
OK = Outcome(200)
FAILED = Outcome(500, "HTTP status 500")
TOO_MANY = Outcome(429, "HTTP status 429")


def queue(
    rate: float = 500,
    concurrent: int = 5000,
    faults: Faults | None = None,
    throttled: bool = True,
    **retry: int,
) -> Queue:
    message = QueueMessage(name="projects/p/locations/l/queues/q", state=RUNNING)
    message.rate_limits.max_dispatches_per_second = rate
    message.rate_limits.max_concurrent_dispatches = concurrent
    for name, value in retry.items():
        setattr(message.retry_config, name, value)
    switch = FaultSwitch(faults or Faults())
    return Queue(completed(message), NOW, switch, throttled=throttled)


def task(queue: Queue, number: int = 0, due: float = NOW) -> TaskRecord:
    message = Task(name=f"{queue.name}/tasks/{number}")
    set_seconds(message.create_time, NOW)
    set_seconds(message.schedule_time, due)
    record = TaskRecord(message)
    queue.add(record)
    return record


def attempt(queue: Queue, record: TaskRecord, outcome: Outcome, now: float) -> Verdict:
    """Take the task, which must be next, and finish it at once."""
    assert queue.take(now) is record
    return queue.finish(record, queue.begin(record, now), outcome, now)


def dispatched(queue: Queue, end: float, lateness: list[float]) -> dict[str, float]:
    """Run the queue on timers that fire late; when each task began."""
    began: dict[str, float] = {}
    now = NOW
    while (at := queue.wake_at(now)) is not None and at < end:
        now = max(now, at + lateness[len(began) % len(lateness)])
        while (record := queue.take(now)) is not None:
            began[record.name] = now
            queue.finish(record, queue.begin(record, now), OK, now)
    return began


@pytest.mark.parametrize("per_minute", [5, 200, 1000])
def test_tasks_spaced_at_the_rate_go_on_time_and_a_late_timer_delays_no_other(
    per_minute: int,
) -> None:
    subject = queue(rate=per_minute / 60)
    chance = random.Random(1)  # noqa: S311 - chooses test data
    lateness = [chance.random() * 0.018 for _ in range(97)]
    due = {}
    for number in range(500):
        record = task(subject, number, NOW + round(number * 60 / per_minute, 6))
        due[record.name] = record.due
    began = dispatched(subject, NOW + 1e9, lateness)
    assert began.keys() == due.keys()
    late = [began[name] - due[name] for name in due]
    assert min(late) >= 0
    assert max(late) < 0.02


def test_a_backlog_goes_at_the_rate_after_the_burst() -> None:
    subject = queue(rate=10)
    for number in range(100):
        task(subject, number)
    began = sorted(dispatched(subject, NOW + 1e9, [0.0]).values())
    assert began[9] == NOW
    assert began[-1] - NOW == pytest.approx((100 - 10) / 10, abs=0.01)


def test_a_queue_resumed_late_makes_up_for_nothing() -> None:
    subject = queue(rate=10)
    for number in range(100):
        task(subject, number)
    for _ in range(10):
        assert subject.take(NOW) is not None
    subject.message.state = PAUSED
    assert subject.take(NOW + 40) is None
    assert subject.wake_at(NOW + 40) is None
    subject.message.state = RUNNING
    later = NOW + 40
    at_once = 0
    while subject.take(later) is not None:
        at_once += 1
    assert at_once <= 10 + 10 * LATENESS + 1


def test_tasks_go_in_the_order_of_their_time() -> None:
    subject = queue()
    for number, due in enumerate([3, 1, 2]):
        task(subject, number, NOW + due)
    began = dispatched(subject, NOW + 10, [0.0])
    assert [name[-1] for name in began] == ["1", "2", "0"]


def test_no_more_run_at_once_than_allowed() -> None:
    subject = queue(concurrent=2)
    records = [task(subject, number) for number in range(3)]
    attempts = []
    for record in records[:2]:
        assert subject.take(NOW) is record
        attempts.append(subject.begin(record, NOW))
    assert subject.wake_at(NOW) is None
    subject.finish(records[0], attempts[0], OK, NOW + 5)
    assert subject.take(NOW + 5) is records[2]


def test_a_new_rate_applies_at_once() -> None:
    subject = queue(rate=1)
    for number in range(12):
        task(subject, number)
    for _ in range(10):
        assert subject.take(NOW) is not None
    assert subject.wake_at(NOW) == pytest.approx(NOW + 1, abs=0.01)
    message = QueueMessage()
    message.CopyFrom(subject.message)
    message.rate_limits.max_dispatches_per_second = 100
    subject.configure(completed(message), NOW)
    assert subject.wake_at(NOW) == pytest.approx(NOW + 0.01, abs=0.001)


def test_success_deletes_and_failure_schedules_again_with_backoff() -> None:
    subject = queue()
    record = task(subject)
    assert attempt(subject, record, FAILED, NOW) is Verdict.RETRIED
    assert record.due == pytest.approx(NOW + 0.1)
    assert attempt(subject, record, FAILED, NOW + 1) is Verdict.RETRIED
    assert record.due == pytest.approx(NOW + 1.2)
    assert attempt(subject, record, OK, NOW + 2) is Verdict.SUCCEEDED
    assert not subject.tasks
    assert subject.wake_at(NOW + 3) is None


def test_counts_tell_answers_executions_and_attempts_apart() -> None:
    subject = queue()
    record = task(subject)
    for second, outcome in enumerate([FAILED, Outcome(404, "no"), Outcome(None, "no answer")]):
        attempt(subject, record, outcome, NOW + second * 10)
    assert record.attempts == 3
    assert record.message.response_count == 2
    assert record.execution_count == 1
    assert record.previous_status is None
    assert record.retry_reason == "no answer"
    assert record.message.last_attempt.response_status.code == 14


def test_retry_after_is_the_least_wait() -> None:
    subject = queue()
    record = task(subject)
    attempt(subject, record, Outcome(503, "busy", retry_after=60), NOW)
    assert record.due == pytest.approx(NOW + 60)
    assert attempt(subject, record, Outcome(503, "busy", retry_after=0), NOW + 60)
    assert record.due == pytest.approx(NOW + 60.2)


def test_a_task_out_of_retries_is_dropped() -> None:
    subject = queue(max_attempts=2)
    record = task(subject)
    assert attempt(subject, record, FAILED, NOW) is Verdict.RETRIED
    assert attempt(subject, record, FAILED, NOW + 1) is Verdict.DROPPED
    assert not subject.tasks
    assert subject.counters.dropped == 1


def test_a_tasks_own_retry_settings_win_and_the_queues_fill_the_rest() -> None:
    subject = queue(max_attempts=1)
    record = task(subject)
    record.message.retry_config.max_attempts = 7
    policy = subject.policy(record)
    assert policy.max_attempts == 7
    assert policy.min_backoff == pytest.approx(0.1)
    assert attempt(subject, record, FAILED, NOW) is Verdict.RETRIED


def test_a_task_deleted_during_its_attempt_stays_deleted() -> None:
    subject = queue()
    record = task(subject)
    assert subject.take(NOW) is record
    begun = subject.begin(record, NOW)
    subject.remove(record.name)
    assert subject.finish(record, begun, FAILED, NOW) is Verdict.GONE
    assert subject.in_flight == 0
    assert subject.wake_at(NOW + 100) is None


def test_a_forced_attempt_takes_the_task_off_the_schedule_and_backs_off_from_the_call() -> None:
    subject = queue()
    record = task(subject, due=NOW + 3600)
    begun = subject.begin(record, NOW, forced=True)
    assert subject.wake_at(NOW) is None
    subject.finish(record, begun, FAILED, NOW + 0.05)
    assert record.due == pytest.approx(NOW + 0.1)


def test_pushback_halves_the_rate_unless_switched_off() -> None:
    for throttled, rate in [(True, 5), (False, 10)]:
        subject = queue(rate=10, throttled=throttled)
        attempt(subject, task(subject), TOO_MANY, NOW)
        assert subject.effective_rate(NOW) == rate
        assert subject.message.rate_limits.max_dispatches_per_second == 10


def test_a_throttled_queue_is_dispatched_at_the_lower_rate() -> None:
    subject = queue(rate=10)
    attempt(subject, task(subject), TOO_MANY, NOW)
    subject.remove(f"{subject.name}/tasks/0")
    for number in range(1, 21):
        task(subject, number)
    began = sorted(dispatched(subject, NOW + 1e9, [0.0]).values())
    assert began[-1] - NOW == pytest.approx((20 - 9) / 5, abs=0.01)


def test_a_delayed_delivery_keeps_its_schedule_time() -> None:
    subject = queue(faults=Faults(delay_fraction=1, delay=5))
    record = task(subject, due=NOW + 1)
    assert subject.wake_at(NOW) == NOW + 6
    assert record.due == NOW + 1


def test_only_tasks_past_retention_are_expired() -> None:
    subject = queue()
    task(subject, 0)
    young = task(subject, 1)
    set_seconds(young.message.create_time, NOW + 10)
    assert not list(subject.expired(NOW + RETENTION))
    assert list(subject.expired(NOW + RETENTION + 1)) == [f"{subject.name}/tasks/0"]
