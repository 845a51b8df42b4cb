"""Fixtures of the contract tests for Gemini, Cloud Tasks and Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.bucket_world import (
    BucketWorld,
    MemoryBucketWorld,
    ServedBucketWorld,
)
from tests.contract.gemini_world import GeminiWorld, MemoryGeminiWorld, SimulatedGeminiWorld
from tests.contract.servers import local_server
from tests.contract.task_world import Handler, MemoryTaskWorld, ServedTaskWorld, TaskWorld


@pytest.fixture(scope="session")
def gemini_url() -> Iterator[str]:
    fast = ("--processing-seconds", "0.02", "--import-seconds", "0.02", "--jitter", "0")
    with local_server("local.gemini", *fast, "--import-seconds-per-mb", "0") as ready:
        yield ready["url"]


@pytest.fixture
def simulated(gemini_url: str) -> Iterator[SimulatedGeminiWorld]:
    world = SimulatedGeminiWorld(gemini_url)
    yield world
    world.gemini.close()
    world.reset()


@pytest.fixture(params=["memory", "simulator"])
def gemini_world(request: pytest.FixtureRequest) -> GeminiWorld:
    if request.param == "memory":
        return MemoryGeminiWorld()
    world: SimulatedGeminiWorld = request.getfixturevalue("simulated")
    return world


@pytest.fixture(scope="session")
def cloud_tasks_server() -> Iterator[dict[str, str]]:
    with local_server("local.cloud_tasks", "--admin-port", "0") as ready:
        yield ready


@pytest.fixture
def served_tasks(cloud_tasks_server: dict[str, str]) -> Iterator[ServedTaskWorld]:
    handler = Handler()
    world = ServedTaskWorld(cloud_tasks_server, handler)
    world.create_queues()
    yield world
    world.tasks.close()
    handler.close()


@pytest.fixture(params=["memory", "server"])
def task_world(request: pytest.FixtureRequest) -> TaskWorld:
    if request.param == "memory":
        return MemoryTaskWorld()
    world: ServedTaskWorld = request.getfixturevalue("served_tasks")
    return world


@pytest.fixture(scope="session")
def storage_url() -> Iterator[str]:
    with local_server("local.cloud_storage") as ready:
        yield ready["url"]


@pytest.fixture
def served_bucket(storage_url: str) -> Iterator[ServedBucketWorld]:
    world = ServedBucketWorld(storage_url)
    yield world
    world.bucket.close()


@pytest.fixture(params=["memory", "server"])
def bucket_world(request: pytest.FixtureRequest) -> BucketWorld:
    if request.param == "memory":
        return MemoryBucketWorld()
    world: ServedBucketWorld = request.getfixturevalue("served_bucket")
    return world
