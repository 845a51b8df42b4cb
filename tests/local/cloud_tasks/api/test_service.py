"""The API as the real client sees it; nothing is dispatched here, all queues are paused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.protobuf import field_mask_pb2

from tests.local.cloud_tasks.harness import LOCATION, LocalServer, at, epoch, now
from tests.patience import PATIENCE

URL = "http://127.0.0.1:1/work"


@pytest.fixture
def queue(server: LocalServer) -> str:
    name = server.queue()
    server.client.pause_queue(name=name)
    return name


def http_task(name: str = "", **fields: object) -> tasks_v2.Task:
    return tasks_v2.Task(name=name, http_request={"url": URL, "body": b"hello"}, **fields)


def test_a_queue_is_created_read_updated_and_deleted(server: LocalServer) -> None:
    client = server.client
    name = server.queue("q", rate_limits={"max_dispatches_per_second": 200 / 60})
    created = client.get_queue(name=name)
    assert created.state is tasks_v2.Queue.State.RUNNING
    assert created.rate_limits.max_dispatches_per_second == 200 / 60
    assert created.rate_limits.max_burst_size == 10
    updated = client.update_queue(
        queue=tasks_v2.Queue(name=name, rate_limits={"max_dispatches_per_second": 2}),
        update_mask=field_mask_pb2.FieldMask(paths=["rate_limits.max_dispatches_per_second"]),
    )
    assert updated.rate_limits.max_dispatches_per_second == 2
    assert updated.rate_limits.max_concurrent_dispatches == 1000
    client.delete_queue(name=name)
    with pytest.raises(exceptions.NotFound):
        client.get_queue(name=name)
    with pytest.raises(exceptions.NotFound):
        client.create_task(parent=name, task=http_task())


def test_a_queue_is_created_once_and_by_update_too(server: LocalServer) -> None:
    name = server.queue("once")
    with pytest.raises(exceptions.AlreadyExists):
        server.queue("once")
    updated = server.client.update_queue(queue=tasks_v2.Queue(name=f"{name}-more"))
    assert updated == server.client.get_queue(name=f"{name}-more")


def test_a_queue_must_be_in_its_parent(server: LocalServer) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        server.client.create_queue(
            parent="projects/x/locations/y", queue=tasks_v2.Queue(name=LOCATION)
        )
    with pytest.raises(exceptions.InvalidArgument):
        server.client.create_queue(
            parent="projects/x/locations/y", queue=tasks_v2.Queue(name=f"{LOCATION}/queues/q")
        )


def test_queues_are_listed_in_pages(server: LocalServer) -> None:
    names = [server.queue(f"q{number}") for number in range(5)]
    pager = server.client.list_queues(request={"parent": LOCATION, "page_size": 2})
    assert [[queue.name for queue in page.queues] for page in pager.pages] == [
        names[:2],
        names[2:4],
        names[4:],
    ]
    assert not list(server.client.list_queues(parent="projects/demo/locations/elsewhere"))


def test_pause_resume_and_purge_show_in_the_queue(server: LocalServer, queue: str) -> None:
    client = server.client
    assert client.get_queue(name=queue).state is tasks_v2.Queue.State.PAUSED
    client.create_task(parent=queue, task=http_task())
    before = now()
    purged = client.purge_queue(name=queue)
    assert not list(client.list_tasks(parent=queue))
    assert before - 0.001 <= epoch(purged.purge_time) <= now() + 0.001
    assert purged.state is tasks_v2.Queue.State.PAUSED
    assert client.resume_queue(name=queue).state is tasks_v2.Queue.State.RUNNING


def test_a_task_is_created_read_and_deleted(server: LocalServer, queue: str) -> None:
    client = server.client
    due = at(now() + 3600)
    created = client.create_task(parent=queue, task=http_task(schedule_time=due))
    assert created.name.startswith(f"{queue}/tasks/")
    assert epoch(created.schedule_time) == pytest.approx(due.timestamp(), abs=1e-5)
    assert created.dispatch_deadline == timedelta(minutes=10)
    assert created.view is tasks_v2.Task.View.BASIC
    assert not created.http_request.body
    full = client.get_task(request={"name": created.name, "response_view": tasks_v2.Task.View.FULL})
    assert full.http_request.body == b"hello"
    client.delete_task(name=created.name)
    for call in (client.get_task, client.delete_task, client.run_task):
        with pytest.raises(exceptions.NotFound):
            call(name=created.name)


def test_output_only_fields_of_a_new_task_are_ignored(server: LocalServer, queue: str) -> None:
    task = http_task(dispatch_count=7, create_time=at(0), schedule_time=at(1))
    before = now()
    created = server.client.create_task(parent=queue, task=task)
    assert created.dispatch_count == 0
    assert epoch(created.create_time) >= before - 0.001
    assert epoch(created.schedule_time) >= before - 0.001


def test_a_live_and_a_recently_deleted_name_are_taken(server: LocalServer, queue: str) -> None:
    name = f"{queue}/tasks/same"
    server.client.create_task(parent=queue, task=http_task(name))
    with pytest.raises(exceptions.AlreadyExists):
        server.client.create_task(parent=queue, task=http_task(name))
    server.client.delete_task(name=name)
    with pytest.raises(exceptions.AlreadyExists):
        server.client.create_task(parent=queue, task=http_task(name))


def test_a_purged_name_is_taken_too(server: LocalServer, queue: str) -> None:
    name = f"{queue}/tasks/purged"
    server.client.create_task(parent=queue, task=http_task(name))
    server.client.purge_queue(name=queue)
    with pytest.raises(exceptions.AlreadyExists):
        server.client.create_task(parent=queue, task=http_task(name))


def test_limits_are_refused_as_invalid(server: LocalServer, queue: str) -> None:
    bad = [
        http_task(f"{queue}/tasks/a.b"),
        http_task(f"{queue}-other/tasks/a"),
        http_task(schedule_time=at(now() + 31 * 86_400)),
        tasks_v2.Task(http_request={"url": URL, "body": b"x" * 102_400}),
        tasks_v2.Task(http_request={"url": URL + "x" * 2083}),
    ]
    for task in bad:
        with pytest.raises(exceptions.InvalidArgument):
            server.client.create_task(parent=queue, task=task)
    assert not list(server.client.list_tasks(parent=queue))


def test_tasks_are_listed_in_pages(server: LocalServer, queue: str) -> None:
    names = [f"{queue}/tasks/t{number}" for number in range(7)]
    for name in names:
        server.client.create_task(parent=queue, task=http_task(name))
    request = {"parent": queue, "page_size": 3, "response_view": tasks_v2.Task.View.FULL}
    pages = list(server.client.list_tasks(request=request).pages)
    assert [len(page.tasks) for page in pages] == [3, 3, 1]
    assert [task.name for page in pages for task in page.tasks] == names
    assert pages[0].tasks[0].http_request.body == b"hello"
    for bad in ({"page_size": -1}, {"page_token": "?"}):
        with pytest.raises(exceptions.InvalidArgument):
            server.client.list_tasks(request={"parent": queue, **bad})


def creation(queue: str, *tasks: tasks_v2.Task, request_id: str = "") -> dict[str, object]:
    requests = [{"parent": queue, "task": task} for task in tasks]
    return {"parent": queue, "requests": requests, "request_id": request_id}


def test_a_batch_creates_its_tasks(server: LocalServer, queue: str) -> None:
    request = creation(queue, *(http_task() for _ in range(100)))
    operation = server.client.batch_create_tasks(request=request)
    created = operation.result(timeout=PATIENCE).tasks
    assert {task.name for task in created} == {
        task.name for task in server.client.list_tasks(parent=queue)
    }
    assert operation.metadata.state is tasks_v2.BatchCreateTasksMetadata.State.SUCCEEDED


def test_a_batch_names_the_tasks_it_could_not_create(server: LocalServer, queue: str) -> None:
    name = f"{queue}/tasks/twice"
    request = creation(queue, http_task(name), http_task(name), http_task(f"{queue}/tasks/ "))
    operation = server.client.batch_create_tasks(request=request)
    assert [task.name for task in operation.result(timeout=PATIENCE).tasks] == [name]
    metadata = operation.metadata
    assert metadata.state is tasks_v2.BatchCreateTasksMetadata.State.PARTIALLY_SUCCEEDED
    assert {index: status.code for index, status in metadata.failed_requests.items()} == {
        1: 6,
        2: 3,
    }
    with pytest.raises(exceptions.Aborted):
        server.client.batch_create_tasks(request=creation(queue, http_task(name))).result(
            timeout=PATIENCE
        )


def test_a_batch_repeated_with_its_request_id_is_not_done_twice(
    server: LocalServer, queue: str
) -> None:
    request = creation(queue, http_task(), request_id="same")
    first = server.client.batch_create_tasks(request=request)
    second = server.client.batch_create_tasks(request=request)
    assert first.result(timeout=PATIENCE) == second.result(timeout=PATIENCE)
    assert len(list(server.client.list_tasks(parent=queue))) == 1
    assert server.client.get_operation({"name": first.operation.name}).done
    with pytest.raises(exceptions.NotFound):
        server.client.get_operation({"name": f"{LOCATION}/operations/other"})


def test_batches_have_a_size_and_one_queue(server: LocalServer, queue: str) -> None:
    other = creation(queue, http_task()) | {"parent": server.queue("other")}
    for request in (creation(queue, *[http_task()] * 101), creation(queue), other):
        with pytest.raises(exceptions.InvalidArgument):
            server.client.batch_create_tasks(request=request)
    with pytest.raises(exceptions.InvalidArgument):
        server.client.batch_delete_tasks(parent=queue, names=[f"{queue}/tasks/a"] * 1001)


def test_a_batch_deletes_its_tasks_and_names_the_others(server: LocalServer, queue: str) -> None:
    names = [f"{queue}/tasks/{number}" for number in range(3)]
    for name in names:
        server.client.create_task(parent=queue, task=http_task(name))
    operation = server.client.batch_delete_tasks(
        parent=queue, names=[*names[:2], f"{queue}/tasks/no"]
    )
    operation.result(timeout=PATIENCE)
    assert [task.name for task in server.client.list_tasks(parent=queue)] == names[2:]
    assert list(operation.metadata.failed_requests) == [2]
    with pytest.raises(exceptions.Aborted):
        server.client.batch_delete_tasks(parent=queue, names=names[:2]).result(timeout=PATIENCE)


def test_what_is_not_served_says_so(server: LocalServer, queue: str) -> None:
    client = server.client
    with pytest.raises(exceptions.MethodNotImplemented, match="GetIamPolicy is not supported"):
        client.get_iam_policy(resource=queue)
    with pytest.raises(exceptions.MethodNotImplemented, match="ListLocations is not supported"):
        client.list_locations({"name": "projects/demo"})
    with pytest.raises(exceptions.MethodNotImplemented, match="GetCmekConfig is not supported"):
        client.get_cmek_config(name=f"{LOCATION}/cmekConfig")
