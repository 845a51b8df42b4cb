from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from local.cloud_tasks.queue.queue_config import completed, merged
from local.cloud_tasks.queue.task_rules import check_task
from local.cloud_tasks.wire.errors import Refused
from local.cloud_tasks.wire.messages import Queue, Task, seconds, set_seconds
from local.cloud_tasks.wire.names import location_name, queue_name, task_name

NOW = 1_700_000_000.0
QUEUE = "projects/my-project:x.y/locations/us-central1/queues/work-1"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED


def good_task() -> Any:
    task = Task()
    task.http_request.url = "http://127.0.0.1:8080/work"
    return task


def refusal(action: Callable[[], object]) -> grpc.StatusCode:
    with pytest.raises(Refused) as raised:
        action()
    return raised.value.code


def passes(task: Any, **limits: float) -> bool:
    try:
        check_task(task, NOW, **limits)
    except Refused:
        return False
    return True


def test_good_names_pass_unchanged() -> None:
    assert queue_name(QUEUE) == QUEUE
    longest = f"{QUEUE}/tasks/{'aZ0_-' * 100}"
    assert task_name(longest) == longest
    assert location_name("projects/p/locations/l") == "projects/p/locations/l"


@pytest.mark.parametrize(
    "name",
    ["", "work", f"{QUEUE}_", f"{QUEUE}\n", f"{QUEUE}/", f"{QUEUE}{'x' * 100}", f"/{QUEUE}"],
)
def test_bad_queue_names_are_refused(name: str) -> None:
    assert refusal(lambda: queue_name(name)) is INVALID


@pytest.mark.parametrize("task_id", ["", "a" * 501, "a b", "a.b", "ä", "a/b", "a\n"])
def test_bad_task_ids_are_refused(task_id: str) -> None:
    assert refusal(lambda: task_name(f"{QUEUE}/tasks/{task_id}")) is INVALID


def test_a_plain_task_passes() -> None:
    assert passes(good_task())


@pytest.mark.parametrize(
    ("limit", "good", "bad"),
    [
        ("30 days", 30 * 86_400, 30 * 86_400 + 1),
        ("dispatch_deadline", 15, 14.9),
        ("dispatch_deadline", 1800, 1800.1),
    ],
)
def test_times_are_bounded_and_the_refusal_names_the_limit(
    limit: str, good: float, bad: float
) -> None:
    def timed(value: float) -> Any:
        task = good_task()
        if limit == "dispatch_deadline":
            set_seconds(task.dispatch_deadline, value)
        else:
            set_seconds(task.schedule_time, NOW + value)
        return task

    assert passes(timed(good))
    with pytest.raises(Refused, match=limit) as raised:
        check_task(timed(bad), NOW)
    assert raised.value.code is INVALID


def test_a_lower_deadline_can_be_allowed_for_tests() -> None:
    task = good_task()
    set_seconds(task.dispatch_deadline, 0.1)
    assert not passes(task)
    assert passes(task, min_dispatch_deadline=0.1)


def test_the_size_limit_is_named() -> None:
    task = good_task()
    task.http_request.body = b"x" * (100 * 1024 - 100)
    assert passes(task)
    task.http_request.body = b"x" * (100 * 1024)
    with pytest.raises(Refused, match="100 KB"):
        check_task(task, NOW)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://127.0.0.1/",
        "http://",
        "http:///path",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/" + "x" * 2083,
        "http://127.0.0.1/" + "ä" * 400,
    ],
)
def test_bad_urls_are_refused(url: str) -> None:
    task = good_task()
    task.http_request.url = url
    assert refusal(lambda: check_task(task, NOW)) is INVALID


@pytest.mark.parametrize(
    ("name", "value"), [("", "x"), ("a b", "x"), ("a", "x\r\nb: y"), ("a", "x" * 81_920)]
)
def test_bad_headers_are_refused(name: str, value: str) -> None:
    task = good_task()
    task.http_request.headers[name] = value
    assert refusal(lambda: check_task(task, NOW)) is INVALID


def test_a_body_needs_a_method_that_takes_one() -> None:
    task = good_task()
    task.http_request.body = b"x"
    check_task(task, NOW)
    task.http_request.http_method = 2
    assert refusal(lambda: check_task(task, NOW)) is INVALID


def test_what_is_not_served_is_unimplemented() -> None:
    app_engine, oauth = Task(), good_task()
    app_engine.app_engine_http_request.relative_uri = "/"
    oauth.http_request.oauth_token.service_account_email = "a@b"
    queue = Queue(name=QUEUE)
    queue.http_target.uri_override.host = "h"
    assert refusal(lambda: check_task(app_engine, NOW)) is UNIMPLEMENTED
    assert refusal(lambda: check_task(oauth, NOW)) is UNIMPLEMENTED
    assert refusal(lambda: completed(queue)) is UNIMPLEMENTED


def test_a_task_needs_a_target() -> None:
    assert refusal(lambda: check_task(Task(), NOW)) is INVALID


def test_an_empty_queue_gets_every_default() -> None:
    queue = completed(Queue(name=QUEUE))
    limits, retry = queue.rate_limits, queue.retry_config
    assert limits.max_dispatches_per_second == 500
    assert limits.max_burst_size == 100
    assert limits.max_concurrent_dispatches == 1000
    assert retry.max_attempts == 100
    assert seconds(retry.min_backoff) == pytest.approx(0.1)
    assert seconds(retry.max_backoff) == 3600
    assert retry.max_doublings == 16


def test_a_default_backoff_gives_way_to_one_that_is_set() -> None:
    low, high = Queue(name=QUEUE), Queue(name=QUEUE)
    set_seconds(low.retry_config.max_backoff, 0.05)
    set_seconds(high.retry_config.min_backoff, 7200)
    assert seconds(completed(low).retry_config.min_backoff) == pytest.approx(0.05)
    assert seconds(completed(high).retry_config.max_backoff) == 7200


@pytest.mark.parametrize(
    ("group", "field", "value"),
    [
        ("rate_limits", "max_dispatches_per_second", 500.1),
        ("rate_limits", "max_dispatches_per_second", -1),
        ("rate_limits", "max_dispatches_per_second", float("nan")),
        ("rate_limits", "max_concurrent_dispatches", 5001),
        ("rate_limits", "max_concurrent_dispatches", -1),
        ("retry_config", "max_attempts", -2),
        ("retry_config", "max_doublings", -1),
    ],
)
def test_settings_out_of_range_are_refused(group: str, field: str, value: float) -> None:
    queue = Queue(name=QUEUE)
    setattr(getattr(queue, group), field, value)
    assert refusal(lambda: completed(queue)) is INVALID


def test_backoffs_the_wrong_way_round_are_refused() -> None:
    queue = Queue(name=QUEUE)
    set_seconds(queue.retry_config.min_backoff, 2)
    set_seconds(queue.retry_config.max_backoff, 1)
    assert refusal(lambda: completed(queue)) is INVALID


def test_a_mask_changes_only_what_it_names() -> None:
    queue = completed(Queue(name=QUEUE, state=2))
    update = Queue(name=QUEUE, state=1)
    update.rate_limits.max_dispatches_per_second = 3
    update.rate_limits.max_burst_size = 99
    update.rate_limits.max_concurrent_dispatches = 7
    paths = ["rate_limits.max_dispatches_per_second", "rate_limits.max_burst_size", "state"]
    result = merged(queue, update, paths)
    assert result.rate_limits.max_dispatches_per_second == 3
    assert result.rate_limits.max_burst_size == 10
    assert result.rate_limits.max_concurrent_dispatches == 1000
    assert result.state == 2


def test_no_mask_replaces_everything_but_output_only_fields() -> None:
    queue = Queue(name=QUEUE, state=2)
    queue.rate_limits.max_dispatches_per_second = 3
    set_seconds(queue.purge_time, NOW)
    result = merged(completed(queue), Queue(name=QUEUE, state=1), [])
    assert result.rate_limits.max_dispatches_per_second == 500
    assert result.state == 2
    assert seconds(result.purge_time) == NOW


def test_a_mask_that_names_the_doublings_can_set_them_to_zero() -> None:
    queue = completed(Queue(name=QUEUE))
    result = merged(queue, Queue(name=QUEUE), ["retry_config.max_doublings"])
    assert result.retry_config.max_doublings == 0


def test_a_masked_group_that_is_not_sent_goes_back_to_its_defaults() -> None:
    queue = Queue(name=QUEUE)
    queue.rate_limits.max_dispatches_per_second = 3
    result = merged(completed(queue), Queue(name=QUEUE), ["rate_limits"])
    assert result.rate_limits.max_dispatches_per_second == 500


def test_an_unknown_field_in_a_mask_is_refused() -> None:
    queue = completed(Queue(name=QUEUE))
    assert refusal(lambda: merged(queue, Queue(name=QUEUE), ["rate"])) is INVALID
