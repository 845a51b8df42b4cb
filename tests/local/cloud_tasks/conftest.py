from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.cloud_tasks.settings import Settings
from tests.local.cloud_tasks.harness import Handler, LocalServer, running


@pytest.fixture(scope="module")
def shared_server() -> Iterator[LocalServer]:
    with running(Settings(min_dispatch_deadline=0.05, queue_tombstone=0.0, grace=0.0)) as server:
        yield server


@pytest.fixture
def server(shared_server: LocalServer) -> Iterator[LocalServer]:
    yield shared_server
    for summary in shared_server.admin("/queues")["queues"]:
        shared_server.client.delete_queue(name=summary["name"])
    shared_server.admin("/faults", {"duplicate_fraction": 0, "delay_fraction": 0})
    shared_server.admin("/faults", {"lose_fraction": 0})


@pytest.fixture
def handler() -> Iterator[Handler]:
    handler = Handler()
    yield handler
    handler.close()
