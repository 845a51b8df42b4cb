"""An object that never rests holds up nothing, and costs no import of what is outdated already."""

from __future__ import annotations

import itertools

import pytest

from shared.domain.batch.batch import Batch, BatchStatus
from shared.domain.batch.left import Left, LeftReason
from shared.domain.file.record import FileStatus
from tests.services.story import (
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    batch_now,
    begun,
    changes,
    contents,
    in_step,
    play_out,
    synced,
    wanted,
    world_with,
)
from tests.world import World, rules


def rewritten_before(world: World, call: str, *, times: int) -> None:
    """Rewrite the object just before each of the next ``times`` calls of the bucket for it."""
    versions = itertools.count(1)
    reads = getattr(world.bucket, call)

    def read(name: str, *more: int) -> object:
        if name == PATH and (version := next(versions)) <= times:
            world.put({PATH: f"version {version}"})
        return reads(name, *more)

    setattr(world.bucket, call, read)


def quiet(world: World) -> None:
    """Let the object rest from now on."""
    for call in ("open", "stat"):
        vars(world.bucket).pop(call, None)


def ended_soon(world: World) -> Batch:
    batch = play_out(world, begun(world))
    assert batch.completed_at is not None
    assert batch.started_at is not None
    assert batch.completed_at - batch.started_at < HOUR / 2
    return batch


def test_an_object_rewritten_all_the_time_is_left_to_the_next_sync() -> None:
    world = world_with("a.md", "b.md", "c.md")
    rewritten_before(world, "open", times=10_000)

    batch = ended_soon(world)

    assert batch.status is BatchStatus.DEFERRED
    assert "1 files changed each time they were to be imported" in batch.message
    assert "'a.md'" in batch.message
    assert batch.left == Left(1, LeftReason.CHANGING)
    assert sorted(contents(world)) == ["b.md", "c.md"]
    assert world.gemini.imports == 2
    assert batch.counts["failed"] == 0
    assert world.file(PATH).tries.attempts == 0

    quiet(world)
    world.clock.advance(SECOND)
    assert world.sync()["status"] == "completed"
    assert in_step(world)


def test_what_the_store_serves_stays_while_the_object_keeps_changing() -> None:
    world = synced("a.md", "b.md")
    served = contents(world)
    world.put({PATH: "other content"})
    rewritten_before(world, "open", times=10_000)

    assert ended_soon(world).status is BatchStatus.DEFERRED

    assert contents(world) == served
    assert world.file(PATH).status is FileStatus.INDEXED
    quiet(world)
    world.clock.advance(SECOND)
    assert changes(world.sync()) == {"scanned": 2, "changed": 1, "unchanged": 1, "indexed": 1}
    assert in_step(world)


def test_an_object_that_is_back_as_it_was_indexed_costs_nothing() -> None:
    world = synced("a.md", "b.md")
    world.put({PATH: "other content"})
    rewritten_before(world, "open", times=10_000)
    ended_soon(world)
    quiet(world)
    world.put({PATH: "content of a.md"})
    imports = world.gemini.imports

    assert changes(world.sync()) == {"scanned": 2, "unchanged": 2}

    assert world.gemini.imports == imports
    assert in_step(world)


@pytest.mark.parametrize("call", ["open", "stat"])
def test_an_object_that_rests_in_time_is_imported_in_the_same_sync(call: str) -> None:
    world = world_with("a.md", "b.md")
    rewritten_before(world, call, times=3)

    assert ended_soon(world).status is BatchStatus.COMPLETED

    assert world.gemini.imports == 2
    assert in_step(world)


def test_an_object_that_changes_after_each_upload_is_uploaded_a_few_times_at_most() -> None:
    world = world_with("a.md", "b.md")
    rewritten_before(world, "stat", times=10_000)

    assert ended_soon(world).status is BatchStatus.DEFERRED

    assert world.gemini.calls["upload"] <= 5
    assert world.gemini.imports == 1


def test_each_sync_has_its_own_count_of_changes() -> None:
    world = world_with("a.md")
    rewritten_before(world, "open", times=4)
    assert ended_soon(world).status is BatchStatus.DEFERRED
    quiet(world)
    rewritten_before(world, "open", times=3)
    world.clock.advance(SECOND)

    assert ended_soon(world).status is BatchStatus.COMPLETED
    assert in_step(world)


def test_many_such_objects_end_the_sync_too() -> None:
    paths = [f"log-{number:03}.md" for number in range(150)]
    world = world_with(*paths, "quiet.md")
    versions = itertools.count(1)
    opened = world.bucket.open

    def rewritten(name: str, generation: int) -> object:
        if name.startswith("log"):
            world.put({name: f"version {next(versions)}"})
        return opened(name, generation)

    world.bucket.open = rewritten  # type: ignore[method-assign, assignment]  # this world only

    batch = ended_soon(world)

    assert batch.status is BatchStatus.DEFERRED
    assert "150 files changed" in batch.message
    assert "and 147 more" in batch.message
    assert sorted(contents(world)) == ["quiet.md"]


def test_a_log_is_imported_once_it_has_rested() -> None:
    """Each sync finds the log younger than an hour, until nothing is appended any more."""
    world = world_with("a.md", "log.md", given=rules(min_age_seconds=3600))
    world.clock.advance(2 * HOUR)
    for line in range(5):
        world.put({"log.md": f"{line} lines"})
        world.clock.advance(10 * MINUTE)
        summary = world.sync()
        assert (summary["status"], summary["young"]) == ("completed", 1)
    assert world.gemini.imports == 1

    world.clock.advance(HOUR)
    assert changes(world.sync()) == {"scanned": 2, "new": 1, "unchanged": 1, "indexed": 1}
    assert world.gemini.imports == 2
    assert contents(world) == wanted(world)


def test_a_young_version_leaves_the_old_document_in_the_store() -> None:
    world = world_with("a.md", "log.md", given=rules(min_age_seconds=3600))
    world.clock.advance(2 * HOUR)
    world.sync()
    served = contents(world)
    world.put({"log.md": "more lines"})

    world.sync(mode="full")

    assert contents(world) == served


def test_a_young_sidecar_waits_with_its_file() -> None:
    world = world_with("a.md", given=rules(min_age_seconds=3600))
    world.clock.advance(2 * HOUR)
    world.put({"a.md.meta.json": '{"title": "New"}'})

    assert world.sync()["young"] == 1
    world.clock.advance(2 * HOUR)
    assert world.sync()["indexed"] == 1


def test_an_object_that_changes_once_it_is_planned_waits_until_it_is_old_enough() -> None:
    world = world_with("a.md", "b.md", given=rules(min_age_seconds=3600))
    world.clock.advance(2 * HOUR)
    rewritten_before(world, "open", times=1)

    batch = ended_soon(world)

    assert (batch.status, world.gemini.imports) == (BatchStatus.DEFERRED, 1)
    world.clock.advance(2 * HOUR)
    assert world.sync()["status"] == "completed"
    assert in_step(world)
    assert batch_now(world, batch).status is BatchStatus.DEFERRED
