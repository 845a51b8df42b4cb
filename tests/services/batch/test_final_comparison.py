"""At a sync's end the store's count, the records and the scan's counts are compared."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.deployment.deployment import Deployment
from shared.domain.file.record import FileStatus
from shared.gateways.database.records import DEPLOYMENT, file_path
from shared.gateways.ports import Delete, Query, Snapshot, Store
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    begun,
    in_step,
    invalid,
    later,
    plant,
    play,
    play_out,
    play_to,
    store_of,
    synced,
    world_with,
)
from tests.world import World, rules

FILES = ("a.md", "b.md", "c.md")


def forget(world: World, path: str) -> None:
    """A file's record is lost."""
    world.documents.commit([Delete(file_path(path))])


def imports(world: World) -> int:
    return world.gemini.calls["import_file"]


def listings(world: World) -> int:
    return world.gemini.calls["list_documents"]


def deployment(world: World) -> Deployment:
    return world.records.get(Deployment, DEPLOYMENT).present


def second_copy_before_the_last_count(world: World, path: str) -> None:
    """Another copy of a file lands after the sync's listing, and before the count that ends it."""
    count = world.gemini.get_store
    store = store_of(world)

    def counted(name: str) -> Store:
        if listings(world) > before:
            world.gemini.get_store = count  # type: ignore[method-assign]
            plant(world, store, path)
        return count(name)

    before = listings(world)
    world.gemini.get_store = counted  # type: ignore[method-assign]


# --- records that are lost ----------------------------------------------------------------------


@pytest.mark.parametrize("status", [FileStatus.PENDING, FileStatus.UPLOADED])
def test_a_record_lost_before_it_was_indexed_is_noticed_and_its_file_taken_up_again(
    status: FileStatus,
) -> None:
    world = world_with(*FILES)
    batch = begun(world)
    play_to(world, status, "b.md")
    forget(world, "b.md")
    over = play_out(world, batch)
    assert "1 records are missing" in over.message
    assert world.stored_paths() == ["a.md", "c.md"]

    summary = world.sync()

    assert (summary["status"], summary["new"], summary["indexed"]) == ("completed", 1, 1)
    assert in_step(world)
    assert imports(world) == len(FILES)
    assert "missing" not in world.sync()["message"]


def test_only_the_ranges_that_lack_records_are_read() -> None:
    paths = [f"{number:03}.md" for number in range(60)]
    world = world_with(*paths, given=rules(page_size=10))
    batch = begun(world)
    play(world, lambda: any(f.path == "042.md" for f in world.files()))
    forget(world, "042.md")
    play_out(world, batch)
    queried = []
    query = world.documents.query

    def counted(asked: Query) -> list[Snapshot]:
        found = query(asked)
        if asked.collection == "files" and asked.order_by == ("path",):
            queried.append(len(found))
        return found

    world.documents.query = counted  # type: ignore[method-assign, assignment]
    summary = world.sync()

    assert (summary["new"], summary["unchanged"]) == (1, 59)
    assert queried == [9]
    world.documents.query = query  # type: ignore[method-assign]
    assert in_step(world)


def test_a_lost_record_of_an_indexed_file_costs_no_import_when_its_page_changes() -> None:
    world = synced(*FILES)
    before = imports(world)
    forget(world, "b.md")
    world.put({"bb.md": "new"})

    first = world.sync()
    later(world, HOUR)
    second = world.sync()
    third = world.sync()

    assert first["set_aside"] == 2, "nothing tells which of them was there before"
    assert "'b.md'" in first["message"]
    assert (second["status"], third["status"]) == ("completed", "completed")
    assert imports(world) == before + 1
    assert in_step(world)


def test_lost_records_of_indexed_files_are_found_once_a_week() -> None:
    world = synced(*FILES)
    before = imports(world)
    forget(world, "b.md")
    assert world.sync()["status"] == "completed"

    later(world, 8 * DAY)
    world.sync()
    world.sync()

    assert in_step(world)
    assert imports(world) == before


def test_a_failed_file_is_no_reason_to_count_the_records_each_time() -> None:
    world = world_with(*FILES)
    world.gemini.fail_next("import_file", invalid())
    assert world.sync()["failed"] == 1
    world.sync()
    counts: list[str] = []
    count = world.documents.count

    def counted(asked: Query) -> int:
        counts.append(repr(asked.where))
        return count(asked)

    world.documents.count = counted  # type: ignore[method-assign, assignment]
    world.sync()

    assert not [each for each in counts if "current.document" in each]


# --- what the store's count says ----------------------------------------------------------------


def test_a_second_copy_that_lands_between_listing_and_count_is_found_by_the_next_sync() -> None:
    world = synced(*FILES, given=rules())
    later(world, 8 * DAY)  # so that the sync ends with a listing
    second_copy_before_the_last_count(world, "b.md")
    first = world.sync()
    assert (first["reconciliation"], first["drift"]) == ({"listed": 3}, 1)
    assert deployment(world).known_drift == 0

    second = world.sync()

    assert second["reconciliation"]["duplicate"] == 1
    assert second["drift"] == 0
    assert in_step(world)


def test_a_removal_that_had_to_wait_hides_no_other_document() -> None:
    world = synced(*FILES)
    world.bucket.put("b.md", b"")  # skipped as empty: what was there is to be removed
    assert world.sync(max_deletes=0)["status"] == "refused"
    assert world.stored_paths() == list(FILES)

    # Once the document of b.md is gone, there are as many as before.
    plant(world, store_of(world), "else.md", owner="somebody else")
    summary = world.sync()

    assert (summary["deleted"], summary["drift"]) == (1, 1)
    assert deployment(world).known_drift == 1


def test_foreign_documents_that_were_listed_are_a_known_difference() -> None:
    world = synced(*FILES)
    plant(world, store_of(world), "x.md", owner="another")

    assert world.sync()["reconciliation"] == {"listed": 4, "foreign": 1}
    assert deployment(world).known_drift == 1
    before = listings(world)
    assert world.sync()["drift"] == 1
    assert listings(world) == before


def test_a_count_that_lags_is_no_reason_to_list_after_every_sync() -> None:
    world = synced(*FILES)
    world.gemini.counts_lag = timedelta(minutes=10)
    listed = []
    for number in range(6):
        world.put({f"new {number}.md": str(number)})
        before = listings(world)
        world.sync()
        listed.append(listings(world) > before)
        later(world, HOUR)

    assert listed == [True, False, False, False, False, False]
    assert in_step(world)


def test_a_count_that_lags_for_long_is_looked_into_twice_a_week_at_most() -> None:
    world = synced(*FILES)
    world.gemini.counts_lag = timedelta(days=100)
    world.put({"new.md": "new"})
    before, listed = listings(world), []
    for _ in range(6):
        world.sync()
        listed.append(listings(world) > before)
        before = listings(world)
        later(world, HOUR)

    assert listed == [True, True, False, False, False, False]


def test_a_second_copy_is_found_although_the_count_is_known_to_lag() -> None:
    world = synced(*FILES)
    world.gemini.counts_lag = timedelta(minutes=10)
    world.put({"new.md": "new"})
    world.sync()
    later(world, HOUR)
    plant(world, store_of(world), "b.md")
    later(world, 20 * MINUTE)

    world.sync()
    later(world, HOUR)
    world.sync()

    assert in_step(world)
