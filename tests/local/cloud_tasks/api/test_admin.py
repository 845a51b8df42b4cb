from __future__ import annotations

import urllib.error

import pytest
from google.cloud import tasks_v2

from tests.local.cloud_tasks.harness import Handler, LocalServer


def test_it_is_healthy(server: LocalServer) -> None:
    assert server.admin("/healthz") == {"status": "ok"}


def test_a_queues_figures_are_shown(server: LocalServer) -> None:
    queue = server.queue("figures", rate_limits={"max_dispatches_per_second": 2.5})
    server.client.pause_queue(name=queue)
    server.client.create_task(
        parent=queue, task=tasks_v2.Task(http_request={"url": "http://127.0.0.1:1/"})
    )
    assert server.summary(queue) == {
        "name": queue,
        "rate": 2.5,
        "effective_rate": 2.5,
        "burst": 10,
        "max_concurrent_dispatches": 1000,
        "paused": True,
        "depth": 1,
        "in_flight": 0,
        "dispatched": 0,
        "duplicated": 0,
        "succeeded": 0,
        "failed": 0,
        "retried": 0,
        "dropped": 0,
        "lost": 0,
    }


def test_dispatches_are_shown_for_one_queue_or_all(server: LocalServer, handler: Handler) -> None:
    queues = [server.queue("log-a"), server.queue("log-b")]
    for queue in queues:
        server.client.create_task(
            parent=queue, task=tasks_v2.Task(http_request={"url": handler.url})
        )
        server.wait_for(queue, succeeded=1)
    (dispatch,) = server.admin("/dispatches?queue=log-a")["dispatches"]
    assert dispatch["queue"] == queues[0]
    assert (dispatch["status"], dispatch["attempt"], dispatch["duplicate"]) == (200, 1, False)
    assert dispatch["scheduled_at"] <= dispatch["dispatched_at"] <= dispatch["finished_at"]
    assert server.admin(f"/dispatches?queue={queues[0]}")["dispatches"] == [dispatch]
    shown = {dispatch["queue"] for dispatch in server.admin("/dispatches")["dispatches"]}
    assert shown >= set(queues)


def test_faults_are_shown_changed_and_checked(server: LocalServer) -> None:
    assert server.admin("/faults", {"seed": 9, "delay": 1.5})["delay"] == 1.5
    assert server.admin("/faults")["seed"] == 9
    for bad in ({"delay": -1}, {"nonsense": 1}, [1]):
        with pytest.raises(urllib.error.HTTPError) as refused:
            server.admin("/faults", bad)
        assert refused.value.code == 400
        refused.value.close()
    assert server.admin("/faults")["delay"] == 1.5
