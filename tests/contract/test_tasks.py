"""The task queues: the same on the twin and, through the adapter, on the local Cloud Tasks."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from shared.domain.errors import NotSetUp, Unavailable
from shared.gateways.ports import QueueName, Task
from tests.contract.servers import free_port, wait_until
from tests.contract.task_world import LOCATION, PROJECT, ServedTaskWorld, TaskWorld
from tests.twins.clock import ManualClock
from tests.twins.tasks import MemoryTasks

pytest_plugins = ("tests.contract.gateway_fixtures",)


def task(task_id: str, queue: QueueName = QueueName.UPLOADS, **payload: object) -> Task:
    return Task(queue, task_id, "/step", payload)


def test_a_task_is_delivered_with_its_path_and_payload(task_world: TaskWorld) -> None:
    assert task_world.tasks.create(task("a", path="docs/日本.md", seq=3))
    [delivery] = task_world.delivered(1)
    assert delivery.path == "/step"
    assert delivery.payload == {"path": "docs/日本.md", "seq": 3}


def test_a_waiting_name_is_taken(task_world: TaskWorld) -> None:
    later = task_world.in_an_hour(task("a"))
    assert task_world.tasks.create(later)
    assert not task_world.tasks.create(later)
    assert not task_world.tasks.create(task("a", other=1))


def test_a_name_stays_taken_after_its_task_is_done(task_world: TaskWorld) -> None:
    task_world.tasks.create(task("a"))
    task_world.delivered(1)
    wait_until(lambda: not task_world.tasks.exists(QueueName.UPLOADS, "a"))
    assert not task_world.tasks.create(task("a"))


def test_queues_have_names_of_their_own(task_world: TaskWorld) -> None:
    assert task_world.tasks.create(task_world.in_an_hour(task("a", QueueName.UPLOADS)))
    assert task_world.tasks.create(task_world.in_an_hour(task("a", QueueName.POLLS)))
    assert not task_world.tasks.exists(QueueName.CONTROL, "a")


def test_a_task_waits_for_its_time(task_world: TaskWorld) -> None:
    task_world.tasks.create(task_world.in_an_hour(task("later")))
    task_world.tasks.create(task("now", n=1))
    assert [delivery.payload for delivery in task_world.delivered(1)] == [{"n": 1}]
    assert task_world.tasks.exists(QueueName.UPLOADS, "later")


def test_a_task_that_never_was_does_not_exist(task_world: TaskWorld) -> None:
    assert not task_world.tasks.exists(QueueName.POLLS, "never")


def test_of_many_tasks_only_the_new_ones_count(task_world: TaskWorld) -> None:
    task_world.tasks.create(task_world.in_an_hour(task("t7")))
    many = [task_world.in_an_hour(task(f"t{number}")) for number in range(40)]
    assert task_world.tasks.create_many(many) == 39
    assert task_world.tasks.create_many(many) == 0
    assert task_world.tasks.create_many([]) == 0
    assert all(task_world.tasks.exists(each.queue, each.id) for each in many)


# --- the adapter alone --------------------------------------------------------------------


def test_the_request_is_json_without_a_token_on_one_machine(served_tasks: ServedTaskWorld) -> None:
    served_tasks.tasks.create(task("a"))
    [delivery] = served_tasks.delivered(1)
    assert delivery.headers["Content-Type"] == "application/json"
    assert "Authorization" not in delivery.headers


def test_with_a_service_account_the_token_is_for_the_function(
    served_tasks: ServedTaskWorld,
) -> None:
    tasks = served_tasks.connect(service_account="invoker@contract.iam.gserviceaccount.com")
    tasks.create(task("a"))
    [delivery] = served_tasks.delivered(1)
    tasks.close()
    claims = delivery.headers["Authorization"].removeprefix("Bearer ").split(".")[1]
    token = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert token["aud"] == served_tasks.handler.url
    assert token["email"] == "invoker@contract.iam.gserviceaccount.com"


def test_a_task_carries_the_dispatch_deadline(served_tasks: ServedTaskWorld) -> None:
    served_tasks.tasks.create(served_tasks.in_an_hour(task("a")))
    client = served_tasks.tasks._client
    queue = client.queue_path(PROJECT, LOCATION, f"queue-{served_tasks.run}-uploads")
    found = client.get_task(name=f"{queue}/tasks/a")
    assert found.dispatch_deadline == timedelta(minutes=5)


def test_a_missing_queue_is_an_error_to_a_create(served_tasks: ServedTaskWorld) -> None:
    tasks = served_tasks.connect(service_account=None, queues="missing")
    with pytest.raises(NotSetUp, match=r"the queue .*/missing-.* does not exist"):
        tasks.create(task("a"))
    with pytest.raises(NotSetUp):
        tasks.create_many([task("a"), task("b")])
    tasks.close()


def test_a_service_out_of_reach_is_unavailable(served_tasks: ServedTaskWorld) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    tasks = served_tasks.connect(service_account=None, emulator=nobody)
    with pytest.raises(Unavailable):
        tasks.create(task("a"))
    with pytest.raises(Unavailable):
        tasks.create_many([task("a"), task("b")])
    with pytest.raises(Unavailable):
        tasks.exists(QueueName.UPLOADS, "a")
    tasks.close()


# --- the twin alone -----------------------------------------------------------------------


def test_the_twin_hands_out_tasks_in_the_order_they_come_due() -> None:
    clock = ManualClock()
    tasks = MemoryTasks(clock)
    late = Task(QueueName.POLLS, "late", "/", {}, clock.now() + timedelta(seconds=9))
    soon = Task(QueueName.POLLS, "soon", "/", {}, clock.now() + timedelta(seconds=3))
    for each in (late, soon, task("now")):
        tasks.create(each)
    assert [each.id for each in tasks.due(clock.now())] == ["now"]
    assert tasks.next_due() == clock.now()
    tasks.acknowledge(task("now"))
    assert tasks.next_due() == soon.at
    tasks.retry_later(soon, clock.now() + timedelta(seconds=20))
    assert tasks.next_due() == late.at
    assert [each.id for each in tasks.waiting] == ["late", "soon"]


def test_the_twin_frees_a_name_after_its_tombstone() -> None:
    clock = ManualClock()
    tasks = MemoryTasks(clock, tombstone=timedelta(hours=1))
    tasks.create(task("a"))
    tasks.acknowledge(task("a"))
    assert not tasks.create(task("a"))
    clock.advance(timedelta(hours=1))
    assert tasks.create(task("a"))


def test_the_twin_queues_the_rest_when_one_of_many_fails() -> None:
    tasks = MemoryTasks(ManualClock())
    tasks.fail_next("create", Unavailable("tasks.create"), after_effect=True)
    with pytest.raises(Unavailable):
        tasks.create_many([task("a"), task("b")])
    assert [each.id for each in tasks.waiting] == ["a", "b"]
