"""Tasks on their way to a real handler."""

from __future__ import annotations

import json
from collections.abc import Mapping

import jwt
from google.cloud import tasks_v2
from google.protobuf import duration_pb2

from tests.local.cloud_tasks.harness import Answer, Handler, Hit, LocalServer, at, epoch, now

SHORT = duration_pb2.Duration(nanos=20_000_000)
FAST_RETRY = {"max_attempts": 4, "min_backoff": SHORT, "max_backoff": SHORT}


def create(
    server: LocalServer,
    queue: str,
    url: str,
    task_id: str = "",
    http_request: Mapping[str, object] | None = None,
    **fields: object,
) -> str:
    http_request = {"url": url, **(http_request or {})}
    name = f"{queue}/tasks/{task_id}" if task_id else ""
    task = tasks_v2.Task(name=name, http_request=http_request, **fields)
    return server.client.create_task(parent=queue, task=task).name


def test_a_task_reaches_its_handler_as_it_was_made(server: LocalServer, handler: Handler) -> None:
    queue = server.queue()
    due = now() + 0.2
    request = {
        "http_method": tasks_v2.HttpMethod.PUT,
        "headers": {
            "Content-Type": "application/json",
            "X-Own": "ä",
            "User-Agent": "mine",
            "Host": "elsewhere",
            "X-CloudTasks-TaskRetryCount": "99",
        },
        "body": b'{"file": 1}',
    }
    url = f"{handler.url}/step?x=1"
    create(server, queue, url, "first", http_request=request, schedule_time=at(due))
    (hit,) = handler.wait_for(1)
    assert (hit.method, hit.path, hit.body) == ("PUT", "/tasks/step?x=1", b'{"file": 1}')
    assert hit.headers["content-type"] == "application/json"
    assert hit.headers["user-agent"] == "Google-Cloud-Tasks"
    assert hit.headers["host"] in handler.url
    assert hit.headers["x-cloudtasks-queuename"] == "work"
    assert hit.headers["x-cloudtasks-taskname"] == "first"
    assert hit.headers["x-cloudtasks-taskretrycount"] == "0"
    assert hit.headers["x-cloudtasks-taskexecutioncount"] == "0"
    assert abs(float(hit.headers["x-cloudtasks-tasketa"]) - due) < 1e-5
    assert hit.at >= due
    assert "x-cloudtasks-taskpreviousresponse" not in hit.headers
    assert "authorization" not in hit.headers
    server.wait_for(queue, depth=0, succeeded=1, in_flight=0)


def test_a_plain_task_is_an_empty_post_without_a_content_type(
    server: LocalServer, handler: Handler
) -> None:
    create(server, server.queue(), handler.url)
    (hit,) = handler.wait_for(1)
    assert (hit.method, hit.body) == ("POST", b"")
    assert "content-type" not in hit.headers


def test_every_task_runs_once_and_in_time_order(server: LocalServer, handler: Handler) -> None:
    queue = server.queue("ordered", rate_limits={"max_concurrent_dispatches": 1})
    server.client.pause_queue(name=queue)
    start = now() + 0.1
    order = [7, 3, 0, 9, 1, 5, 8, 2, 6, 4]
    for number in order:
        create(server, queue, handler.url, str(number), schedule_time=at(start + number * 0.03))
    server.client.resume_queue(name=queue)
    hits = handler.wait_for(10)
    assert [hit.task for hit in hits] == [str(number) for number in range(10)]
    server.wait_for(queue, depth=0, dispatched=10, failed=0)
    assert len(handler.hits) == 10


def test_failed_attempts_are_counted_for_the_handler(server: LocalServer, handler: Handler) -> None:
    answers = iter([Answer(503), Answer(404), Answer(302, {"Location": "/"}), Answer(204)])
    handler.answer = lambda _: next(answers)
    queue = server.queue(retry_config=FAST_RETRY)
    create(server, queue, handler.url)
    hits = handler.wait_for(4)

    def told(name: str) -> list[str | None]:
        return [hit.headers.get(f"x-cloudtasks-{name}") for hit in hits]

    assert told("taskretrycount") == ["0", "1", "2", "3"]
    assert told("taskexecutioncount") == ["0", "0", "1", "2"]
    assert told("taskpreviousresponse") == [None, "503", "404", "302"]
    assert told("taskretryreason") == [None, *(f"HTTP status {s}" for s in (503, 404, 302))]
    server.wait_for(queue, depth=0, dispatched=4, failed=3, retried=3, succeeded=1)


def test_a_task_out_of_attempts_is_gone_and_its_name_taken(
    server: LocalServer, handler: Handler
) -> None:
    handler.answer = lambda _: Answer(500)
    queue = server.queue(retry_config=FAST_RETRY)
    create(server, queue, handler.url, "hopeless")
    server.wait_for(queue, depth=0, dropped=1)
    assert len(handler.hits) == 4


def test_a_tasks_own_retry_settings_win(server: LocalServer, handler: Handler) -> None:
    handler.answer = lambda _: Answer(500)
    queue = server.queue(retry_config=FAST_RETRY)
    create(server, queue, handler.url, retry_config={"max_attempts": 2})
    server.wait_for(queue, depth=0, dropped=1, dispatched=2)


def test_a_failed_task_shows_its_last_attempt_and_waits_as_told(
    server: LocalServer, handler: Handler
) -> None:
    handler.answer = lambda _: Answer(429, {"Retry-After": "3600"})
    queue = server.queue(rate_limits={"max_dispatches_per_second": 10})
    before = now()
    name = create(server, queue, handler.url)
    server.wait_for(queue, retried=1, effective_rate=5.0, rate=10.0)
    task = server.client.get_task(name=name)
    assert task.dispatch_count == task.response_count == 1
    assert task.last_attempt.response_status.code == 8
    assert epoch(task.schedule_time) >= before + 3600


def test_a_handler_that_is_not_there_is_tried_again(server: LocalServer, handler: Handler) -> None:
    gone = Handler()
    gone.close()
    queue = server.queue(retry_config=FAST_RETRY)
    create(server, queue, gone.url)
    server.wait_for(queue, depth=0, dropped=1, dispatched=4)
    assert handler.hits == []


def test_the_dispatch_deadline_ends_an_attempt(server: LocalServer, handler: Handler) -> None:
    handler.gate.clear()
    queue = server.queue(retry_config=FAST_RETRY)
    deadline = duration_pb2.Duration(nanos=100_000_000)
    before = now()
    create(server, queue, handler.url, dispatch_deadline=deadline)
    second = handler.wait_for(2)[1]
    handler.gate.set()
    assert second.at >= before + 0.1
    assert second.headers["x-cloudtasks-taskretryreason"] == "no answer within 0.1 s"
    assert second.headers["x-cloudtasks-taskexecutioncount"] == "0"
    server.wait_for(queue, depth=0)


def test_no_more_run_at_once_than_the_queue_allows(server: LocalServer, handler: Handler) -> None:
    handler.gate.clear()
    queue = server.queue(rate_limits={"max_concurrent_dispatches": 3})
    for _ in range(9):
        create(server, queue, handler.url)
    handler.wait_for(3)
    server.wait_for(queue, in_flight=3, depth=9)
    assert len(handler.hits) == 3
    handler.gate.set()
    server.wait_for(queue, depth=0, dispatched=9)


def test_a_paused_queue_runs_only_what_is_forced(server: LocalServer, handler: Handler) -> None:
    queue = server.queue()
    server.client.pause_queue(name=queue)
    names = [create(server, queue, handler.url, task_id) for task_id in ("forced", "waiting")]
    server.client.run_task(name=names[0])
    assert [hit.task for hit in handler.wait_for(1)] == ["forced"]
    server.wait_for(queue, depth=1, succeeded=1)
    server.client.resume_queue(name=queue)
    assert [hit.task for hit in handler.wait_for(2)] == ["forced", "waiting"]


def test_run_task_does_not_wait_for_the_schedule(server: LocalServer, handler: Handler) -> None:
    queue = server.queue()
    name = create(server, queue, handler.url, schedule_time=at(now() + 3600))
    assert server.client.run_task(name=name).dispatch_count == 1
    handler.wait_for(1)
    server.wait_for(queue, depth=0, dispatched=1)


def test_an_update_of_the_rate_acts_at_once(server: LocalServer, handler: Handler) -> None:
    queue = server.queue("slow", rate_limits={"max_dispatches_per_second": 0.01})
    for _ in range(5):
        create(server, queue, handler.url)
    handler.wait_for(1)
    server.client.update_queue(
        queue=tasks_v2.Queue(name=queue, rate_limits={"max_dispatches_per_second": 500})
    )
    handler.wait_for(5)


def test_an_oidc_token_is_verified_by_the_served_keys(
    server: LocalServer, handler: Handler
) -> None:
    token = {"service_account_email": "invoker@demo.iam.gserviceaccount.com"}
    create(server, server.queue(), handler.url, http_request={"oidc_token": token})
    (hit,) = handler.wait_for(1)
    claims = verified(server, hit, handler.url)
    assert claims["email"] == token["service_account_email"]


def test_the_queues_target_overrides_the_tasks(server: LocalServer, handler: Handler) -> None:
    token = {"service_account_email": "queue@demo.iam.gserviceaccount.com", "audience": "all"}
    target = {
        "http_method": tasks_v2.HttpMethod.GET,
        "oidc_token": token,
        "header_overrides": [{"header": {"key": "x-own", "value": "queue"}}],
    }
    request = {"headers": {"X-Own": "task"}, "body": b"ignored by GET"}
    create(server, server.queue(http_target=target), handler.url, http_request=request)
    (hit,) = handler.wait_for(1)
    assert (hit.method, hit.body, hit.headers["x-own"]) == ("GET", b"", "queue")
    assert verified(server, hit, "all")["email"] == token["service_account_email"]


def verified(server: LocalServer, hit: Hit, audience: str) -> dict[str, object]:
    token = hit.headers["authorization"].removeprefix("Bearer ")
    keys = jwt.PyJWKSet.from_json(json.dumps(server.admin("/jwks.json")))
    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, object] = jwt.decode(token, key, algorithms=["RS256"], audience=audience)
    return claims


def test_a_deleted_task_is_not_delivered(server: LocalServer, handler: Handler) -> None:
    queue = server.queue()
    server.client.pause_queue(name=queue)
    doomed = create(server, queue, handler.url, "doomed")
    create(server, queue, handler.url, "later")
    server.client.delete_task(name=doomed)
    server.client.resume_queue(name=queue)
    assert [hit.task for hit in handler.wait_for(1)] == ["later"]
    server.wait_for(queue, depth=0, dispatched=1)


def test_faults_deliver_twice_and_late_and_not_at_all(
    server: LocalServer, handler: Handler
) -> None:
    queue = server.queue()
    server.admin("/faults", {"duplicate_fraction": 1.0})
    create(server, queue, handler.url, "twice")
    assert [hit.task for hit in handler.wait_for(2)] == ["twice", "twice"]
    server.wait_for(queue, dispatched=1, duplicated=1, succeeded=1)
    server.admin("/faults", {"duplicate_fraction": 0, "delay_fraction": 1, "delay": 0.2})
    before = now()
    create(server, queue, handler.url, "late")
    assert handler.wait_for(3)[-1].at >= before + 0.2
    server.admin("/faults", {"delay_fraction": 0, "lose_fraction": 1})
    create(server, queue, handler.url, "lost")
    server.wait_for(queue, depth=0, lost=1)
    assert len(handler.hits) == 3
