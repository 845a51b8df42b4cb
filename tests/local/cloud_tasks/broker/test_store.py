from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from local.cloud_tasks.broker.broker import Broker
from local.cloud_tasks.broker.store import Store
from local.cloud_tasks.queue.faults import Faults, FaultSwitch
from local.cloud_tasks.queue.queue import Verdict
from local.cloud_tasks.queue.task import Outcome
from local.cloud_tasks.settings import Settings
from local.cloud_tasks.wire.errors import Refused
from local.cloud_tasks.wire.messages import PAUSED, Queue, Task
from local.sqlite_state import StateError

LOCATION = "projects/p/locations/l"
QUEUE = f"{LOCATION}/queues/q"
NOW = 1_700_000_000.0
HOUR = 3600.0


def broker(store: Store, clock: Callable[[], float]) -> Broker:
    return Broker(Settings(task_tombstone=HOUR), store, FaultSwitch(Faults()), clock)


def task(task_id: str = "") -> object:
    message = Task(name=f"{QUEUE}/tasks/{task_id}" if task_id else "")
    message.http_request.url = "http://127.0.0.1:1/"
    message.http_request.body = b"\x00body"
    return message


def code(action: Callable[[], object]) -> grpc.StatusCode:
    with pytest.raises(Refused) as raised:
        action()
    return raised.value.code


def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    path, now = tmp_path / "state", NOW
    store = Store(path)
    first = broker(store, lambda: now)
    first.create_queue(LOCATION, Queue(name=QUEUE))
    first.pause_queue(QUEUE)
    kept, gone = (first.create_task(QUEUE, task(task_id)) for task_id in ("kept", "gone"))
    queue = first.queue(QUEUE)
    attempt = queue.begin(kept, now)
    verdict = queue.finish(kept, attempt, Outcome(404, "HTTP status 404"), now)
    assert verdict is Verdict.RETRIED
    first.settle(kept, verdict)
    first.delete_task(gone.name)
    store.close()

    store = Store(path)
    second = broker(store, lambda: now)
    assert second.queue(QUEUE).message == queue.message
    assert second.queue(QUEUE).message.state == PAUSED
    assert second.task(kept.name) == kept
    assert second.task(kept.name).message.http_request.body == b"\x00body"
    assert code(lambda: second.task(gone.name)) is grpc.StatusCode.NOT_FOUND
    assert code(lambda: second.create_task(QUEUE, task("gone"))) is grpc.StatusCode.ALREADY_EXISTS
    store.close()

    now += HOUR
    store = Store(path)
    broker(store, lambda: now).create_task(QUEUE, task("gone"))
    assert not list(store.tombstones())
    store.close()


def test_a_sweep_drops_expired_tombstones_and_tasks_past_retention() -> None:
    now = NOW
    store = Store(None)
    subject = broker(store, lambda: now)
    subject.create_queue(LOCATION, Queue(name=QUEUE))
    subject.create_task(QUEUE, task("old"))
    subject.delete_task(subject.create_task(QUEUE, task("deleted")).name)
    now += 32 * 24 * HOUR
    subject.sweep()
    assert [name for name, _ in store.tombstones()] == [f"{QUEUE}/tasks/old"]
    assert not list(store.tasks())
    store.close()


def test_a_deleted_queues_name_stays_taken_for_three_days() -> None:
    now = NOW
    store = Store(None)
    subject = broker(store, lambda: now)
    subject.create_queue(LOCATION, Queue(name=QUEUE))
    subject.create_task(QUEUE, task("a"))
    subject.delete_queue(QUEUE)
    assert not list(store.tasks())
    assert code(lambda: subject.queue(QUEUE)) is grpc.StatusCode.NOT_FOUND
    refused = grpc.StatusCode.FAILED_PRECONDITION
    assert code(lambda: subject.create_queue(LOCATION, Queue(name=QUEUE))) is refused
    assert code(lambda: subject.update_queue(Queue(name=QUEUE), [])) is refused
    now += 3 * 24 * HOUR
    subject.create_queue(LOCATION, Queue(name=QUEUE))
    store.close()


def test_a_transaction_that_fails_leaves_nothing() -> None:
    store = Store(None)

    def half_done() -> None:
        with store.transaction():
            store.save_queue(Queue(name=QUEUE))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_done()
    assert not list(store.queues())
    store.close()


def test_two_servers_cannot_share_a_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    with pytest.raises(StateError, match="in use by another server"):
        Store(tmp_path / "state")
    store.close()


def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text("something else, much longer than the header of a database " * 10)
    before = path.read_bytes()
    with pytest.raises(StateError):
        Store(path)
    assert path.read_bytes() == before
