"""The end of a sync tells how old the oldest change was that it made searchable."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from shared.domain.errors import BadRequest
from shared.services.events import Event
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    begun,
    cancelled,
    later,
    logged,
    step,
    synced,
)
from tests.world import World, rules


def ages(caplog: pytest.LogCaptureFixture) -> list[timedelta | None]:
    """The freshness that each closed batch told, and that the log forgets then."""
    found = [each["freshness_seconds"] for each in logged(caplog, Event.BATCH_CLOSED)]
    caplog.clear()
    return [None if age is None else timedelta(seconds=age) for age in found]


@pytest.fixture
def world(caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level(logging.INFO)
    world = synced("a.md", "b.md")
    (age,) = ages(caplog)
    assert age is not None
    assert age < 10 * MINUTE, "a first load counts from the deployment's start"
    later(world, DAY)
    return world


def about(age: timedelta | None, expected: timedelta) -> bool:
    return age is not None and expected <= age < expected + 10 * MINUTE


def test_the_oldest_of_the_new_and_changed_objects_counts(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.put({"a.md": "# changed"})
    later(world, 3 * HOUR)
    world.put({"c.md": "# new"})
    later(world, HOUR)
    world.sync()
    (age,) = ages(caplog)
    assert about(age, 4 * HOUR)


def test_what_makes_nothing_searchable_tells_no_age(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.sync()
    world.bucket.delete("a.md")
    world.put({"c.md": "# new"})
    world.sync(dry_run=True)
    world.gemini.fail_next("upload", BadRequest("gemini.upload", code=400, status="BAD"))
    world.sync(max_deletes=5)
    assert ages(caplog) == [None, None, None]


def test_a_change_that_a_sync_left_counts_in_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    world = synced("a.md", given=rules(max_imports_per_sync=1))
    later(world, DAY)
    world.put({"b.md": "# b", "c.md": "# c"})
    later(world, HOUR)
    ages(caplog)
    assert world.sync()["status"] == "deferred"
    later(world, 5 * HOUR)
    assert world.sync()["status"] == "completed"
    later(world, HOUR)
    world.put({"d.md": "# d"})
    world.sync()
    left, done, after = ages(caplog)
    assert left is None
    assert about(done, 6 * HOUR)
    assert about(after, 0 * HOUR)


@pytest.mark.parametrize("steps", range(6))
def test_a_change_that_a_cancelled_sync_has_found_counts_in_the_next(
    world: World, caplog: pytest.LogCaptureFixture, steps: int
) -> None:
    world.put({"c.md": "# new"})
    batch = begun(world)
    for _ in range(steps):
        step(world)
    if "c.md" in world.stored_paths():
        pytest.skip("the change was searchable before")
    cancelled(world, batch)
    later(world, 2 * HOUR)
    world.sync()
    *_, age = ages(caplog)
    assert about(age, 2 * HOUR)
