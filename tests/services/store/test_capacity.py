"""The project's storage is measured before and during uploads, and never knowingly exceeded."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.estimate.store_capacity import STORED_PER_BYTE
from shared.services.events import Event
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    batch_now,
    begun,
    in_step,
    later,
    logged,
    play_for,
    play_out,
    unavailable,
)
from tests.world import World, rules


def world_of(cap: int, *, rpm: int = 60, **settings: Any) -> World:
    """A world whose stores count three bytes for each byte of input, up to ``cap``."""
    tier = replace(rules().settings.tier, rpm=rpm, storage_bytes=cap)
    world = World(rules(tier=tier, **settings))
    world.gemini.reported_per_byte = STORED_PER_BYTE
    return world


def used(world: World) -> int:
    return sum(store.size_bytes for store in world.gemini.list_stores().stores)


def fill(world: World, count: int) -> None:
    """Let another deployment of the project use ``count`` bytes of its storage."""
    other = world_of(10**9)
    other.put({"big.md": "x" * (count // STORED_PER_BYTE)})
    other.sync()
    (store,) = other.gemini._stores.values()
    store.title = "another deployment's"
    world.gemini._stores["fileSearchStores/other-000000000000"] = store


@pytest.mark.parametrize("latency", [timedelta(), 3 * MINUTE], ids=["at once", "slowly"])
def test_files_that_fit_are_uploaded_and_the_message_gives_the_figures(
    latency: timedelta,
) -> None:
    world = world_of(10_000)
    world.gemini.import_latency = latency
    world.put({f"{n:02d}.md": "x" * 400 for n in range(20)})

    summary = world.sync()

    assert (summary["status"], summary["indexed"], summary["failed"]) == ("deferred", 8, 0)
    assert used(world) == 9_600
    for told in (
        "(storage)",
        "12 files are left",
        "9.6 kB of the 10 kB of tier3",
        "move up a tier",
    ):
        assert told in summary["message"]
    assert world.gemini.metered == 16


def test_room_that_was_made_is_used_by_a_later_sync() -> None:
    world = world_of(10_000)
    world.put({f"{n:02d}.md": "x" * 400 for n in range(12)})
    assert world.sync()["indexed"] == 8
    later(world, SECOND)
    for path in world.stored_paths()[:4]:
        world.bucket.delete(path)

    assert world.sync()["deleted"] == 4, "removals go on while uploads wait"
    later(world, 2 * HOUR)
    summary = world.sync()

    assert (summary["status"], summary["indexed"]) == ("completed", 4)
    assert in_step(world)


def test_no_metered_request_is_wasted_on_a_full_store() -> None:
    world = world_of(10_000)
    world.put({f"{n:02d}.md": "x" * 400 for n in range(12)})
    world.sync()
    metered = world.gemini.metered
    later(world, DAY)

    assert world.sync()["status"] == "deferred"
    assert world.gemini.metered == metered


def test_a_file_that_replaces_another_counts_by_the_difference() -> None:
    world = world_of(10_000)
    world.put({f"{n:02d}.md": "x" * 400 for n in range(8)})
    assert world.sync()["status"] == "completed"
    later(world, SECOND)
    world.put({f"{n:02d}.md": "y" * 410 for n in range(8)})

    summary = world.sync()

    assert (summary["status"], summary["indexed"]) == ("completed", 8)
    assert in_step(world)


def test_a_smaller_file_goes_in_past_one_that_does_not_fit() -> None:
    world = world_of(3_000)
    world.put({"a.md": "x" * 5000, "b.md": "x" * 500})

    summary = world.sync()

    assert (summary["status"], world.stored_paths()) == ("deferred", ["b.md"])
    assert "1 files are left" in summary["message"]


def test_small_files_go_in_past_more_large_ones_than_a_minute_has_slots() -> None:
    world = world_of(90_000, rpm=5)
    world.put({f"large-{n:02d}.md": "x" * 40_000 for n in range(12)})
    world.put({f"small-{n:02d}.md": f"small {n}" for n in range(5)})

    summary = world.sync()

    assert (summary["status"], summary["indexed"]) == ("deferred", 5)


def test_the_storage_of_other_stores_of_the_project_counts() -> None:
    world = world_of(10_000)
    fill(world, 9_000)
    world.put({f"{n}.md": "x" * 400 for n in range(4)})

    assert world.sync()["status"] == "deferred"
    assert world.gemini.metered == 0


def test_from_nine_tenths_on_a_batch_warns(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    world = world_of(10_000)
    world.put({"a.md": "x" * 2999})
    assert world.sync()["message"] == ""
    assert not logged(caplog, Event.STORAGE_NEAR_CAP)
    later(world, SECOND)
    world.put({"b.md": "x" * 2})
    world.sync()
    later(world, SECOND)

    summary = world.sync()

    assert summary["status"] == "completed"
    assert "9 kB of the 10 kB" in summary["message"]
    assert logged(caplog, Event.STORAGE_NEAR_CAP)


def test_the_storage_is_measured_now_and_then_and_not_at_each_tick() -> None:
    world = world_of(10**9, rpm=2)
    world.put({f"{n:02d}.md": "x" for n in range(60)})
    batch = begun(world)
    world.step()
    looks = world.gemini.calls["list_stores"]

    play_for(world, 30 * MINUTE)

    assert batch_now(world, batch).status == "running"
    assert 2 <= world.gemini.calls["list_stores"] - looks <= 4


def test_storage_that_fills_up_meanwhile_is_seen_at_the_next_measurement() -> None:
    world = world_of(10_000, rpm=2)
    world.put({f"{n:02d}.md": "x" * 10 for n in range(60)})
    batch = begun(world)
    play_for(world, 5 * MINUTE)
    fill(world, 9_900)

    closed = play_out(world, batch)

    assert closed.status == "deferred"
    assert closed.completed_at is not None
    assert closed.completed_at - (closed.started_at or closed.completed_at) < 20 * MINUTE


def test_storage_that_cannot_be_measured_limits_nothing() -> None:
    world = world_of(10_000)
    world.put({"a.md": "text"})
    world.sync()
    later(world, SECOND)
    world.put({"b.md": "text"})
    world.gemini.fail_next("list_stores", unavailable())

    assert world.sync()["status"] == "completed"
    assert in_step(world)
