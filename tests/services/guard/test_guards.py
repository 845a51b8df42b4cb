"""A bad listing of the bucket empties no store, and the message says what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Unavailable
from shared.domain.file.record import FileStatus
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.database.records import LEASE
from tests.services.story import (
    HOUR,
    SECOND,
    begun,
    changes,
    in_step,
    play,
    play_out,
    synced,
)
from tests.world import World, rules

COUNT = 100
PATHS = [f"{n:03d}.md" for n in range(COUNT)]

Filter = Callable[[list[ObjectInfo]], list[ObjectInfo]]


@pytest.fixture
def world() -> World:
    return synced(*PATHS, given=rules(page_size=10))


def listing(world: World, seen: Filter) -> Callable[[], None]:
    """Let listings show only what ``seen`` returns; returns a function that undoes this."""
    honest = world.bucket.list_objects

    def bad(**asked: Any) -> list[ObjectInfo]:
        limit = asked.pop("limit")
        return seen(honest(**asked, limit=10_000))[:limit]

    world.bucket.list_objects = bad  # type: ignore[method-assign]  # this world only

    def mend() -> None:
        world.bucket.list_objects = honest  # type: ignore[method-assign]  # as above

    return mend


def failing_on_page(world: World, page: int, *, always: bool = False) -> None:
    """Let the listing of a page fail, the first time or always."""
    done = 0

    def fails(call: str) -> None:
        nonlocal done
        if call == "list_objects:enter" and done == page - 1:
            if not always:
                world.bucket.on_call = lambda _: None
            raise Unavailable("bucket.list_objects", code=503)
        done += call == "list_objects:exit"

    world.bucket.on_call = fails


def nothing(_: list[ObjectInfo]) -> list[ObjectInfo]:
    return []


def forty_percent(objects: list[ObjectInfo]) -> list[ObjectInfo]:
    return [info for info in objects if int(info.name[:3]) % 5 < 2]


def healed(world: World) -> None:
    """Check that the next sync finds every document unchanged, and imports none."""
    imports = world.gemini.imports
    world.clock.advance(SECOND)

    summary = world.sync()

    assert (summary["status"], summary["message"]) == ("completed", "")
    assert changes(summary) == {"scanned": COUNT, "unchanged": COUNT}
    assert world.gemini.imports == imports
    assert {file.status for file in world.files()} == {FileStatus.INDEXED}
    assert in_step(world)


# --- listings that fail -----------------------------------------------------------------------


def test_a_listing_that_fails_on_page_seven_deletes_nothing_and_goes_on_where_it_failed(
    world: World,
) -> None:
    for path in PATHS[:5]:
        world.bucket.delete(path)
    failing_on_page(world, 7)
    batch = begun(world)
    play(world, lambda: world.bucket.calls["list_objects"] >= 10 + 7)

    assert len(world.store_documents()) == COUNT
    closed = play_out(world, batch)
    assert (closed.status, closed.counts["removed"], closed.counts["deleted"]) == (
        "completed",
        5,
        5,
    )
    assert in_step(world)


def test_a_listing_that_always_fails_on_page_seven_ends_the_batch(
    world: World,
) -> None:
    for path in PATHS[:5]:
        world.bucket.delete(path)
    failing_on_page(world, 7, always=True)
    batch = begun(world)

    closed = play_out(world, batch)

    assert closed.status == "failed"
    assert "page 7 of the bucket 'library' could not be listed for 1:00:00" in closed.message
    assert "503" in closed.message
    assert "othing was deleted" in closed.message
    assert "sync again" in closed.message
    assert closed.completed_at is not None
    assert closed.created_at is not None
    assert closed.completed_at - closed.created_at < HOUR + timedelta(minutes=5)
    assert len(world.store_documents()) == COUNT
    assert world.documents.get(LEASE).fields["released"]  # type: ignore[index]  # it is there

    world.bucket.on_call = lambda _: None
    for path in PATHS[:5]:
        world.put({path: f"content of {path}"})
    healed(world)


# --- incomplete listings --------- -------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "gone"), [(nothing, COUNT), (forty_percent, 60)], ids=["nothing", "40 percent"]
)
def test_a_listing_without_most_objects_deletes_nothing_and_says_how_to(
    world: World, seen: Filter, gone: int
) -> None:
    mend = listing(world, seen)

    summary = world.sync()

    assert summary["status"] == "refused"
    assert (summary["removed"], summary["deleted"]) == (gone, 0)
    assert f"{gone} of {COUNT} documents would be deleted" in summary["message"]
    assert "more than the 50 allowed" in summary["message"]
    assert f"max_deletes={gone}" in summary["message"]
    assert len(world.store_documents()) == COUNT

    mend()
    healed(world)


def test_an_empty_listing_day_after_day_deletes_nothing(world: World) -> None:
    mend = listing(world, nothing)

    for _ in range(3):
        assert world.sync()["status"] == "refused"
        world.clock.advance(SECOND)

    assert len(world.store_documents()) == COUNT
    mend()
    healed(world)


def test_an_empty_bucket_empties_the_store_if_max_deletes_allows_it(world: World) -> None:
    for path in PATHS:
        world.bucket.delete(path)

    summary = world.sync(max_deletes=COUNT)

    assert (summary["status"], summary["deleted"]) == ("completed", COUNT)
    assert world.store_documents() == []
    assert in_step(world)


def test_each_object_is_checked_before_its_removal_even_then(world: World) -> None:
    mend = listing(world, nothing)

    summary = world.sync(max_deletes=COUNT)

    assert (summary["status"], summary["deleted"]) == ("completed", 0)
    assert len(world.store_documents()) == COUNT
    mend()
    healed(world)


def test_new_objects_are_imported_by_a_sync_whose_deletions_are_refused(world: World) -> None:
    world.put({"new.md": "new"})
    mend = listing(world, lambda objects: [i for i in objects if i.name == "new.md"])

    summary = world.sync()

    assert (summary["status"], summary["indexed"], summary["deleted"]) == ("refused", 1, 0)
    assert len(world.store_documents()) == COUNT + 1
    mend()
    assert world.sync()["status"] == "completed"
    assert in_step(world)


# --- few documents, most of them gone ---------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "gone", "refused"),
    [(10, 10, True), (10, 6, True), (10, 5, False), (49, 25, True), (49, 24, False), (9, 9, False)],
)
def test_more_than_half_of_ten_or_more_documents_go_only_if_asked_for(
    count: int, gone: int, *, refused: bool
) -> None:
    world = synced(*PATHS[:count])
    for path in PATHS[:gone]:
        world.bucket.delete(path)
    expected = world.sync(dry_run=True)["estimate"]["refusals"]

    summary = world.sync()

    assert (summary["status"] == "refused") is refused is bool(expected)
    assert len(world.store_documents()) == (count if refused else count - gone)
    if refused:
        assert f"max_deletes={gone} or more" in summary["message"]
        assert world.sync(max_deletes=gone - 1)["status"] == "refused"
        assert world.sync(max_deletes=gone)["deleted"] == gone
    assert in_step(world)


@pytest.mark.parametrize(("suffix", "content"), [("", "changed"), (".meta.json", "{}")])
def test_documents_that_are_replaced_in_the_same_sync_stay(suffix: str, content: str) -> None:
    world = synced(*PATHS[:30])
    for path in PATHS[:12]:
        world.bucket.delete(path)
    world.put({path + suffix: content for path in PATHS[12:30]})
    told = world.sync(dry_run=True)["estimate"]["refusals"]

    summary = world.sync()

    assert (told, summary["status"]) == ([], "completed")
    assert (summary["indexed"], summary["deleted"]) == (18, 12)


def test_new_files_in_place_of_the_documents_do_not_count_as_staying() -> None:
    world = synced(*PATHS[:20])
    for path in PATHS[:20]:
        world.bucket.delete(path)
    world.put({f"other/{path}": path for path in PATHS[:40]})
    told = world.sync(dry_run=True)["estimate"]["refusals"]

    summary = world.sync()

    assert len(told) == 1
    assert (summary["status"], summary["indexed"], summary["deleted"]) == ("refused", 40, 0)
