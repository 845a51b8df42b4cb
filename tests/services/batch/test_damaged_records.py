"""Documents that can't be read: edited by hand, or written by a newer version."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.batch.lease import Lease
from shared.domain.deployment.deployment import Deployment
from shared.domain.file.record import FileStatus
from shared.gateways.database import queries
from shared.gateways.database.records import (
    BREAKER,
    DEPLOYMENT,
    LEASE,
    STORAGE,
    UNCERTAIN_SEARCH,
    batch_path,
    file_path,
    page_path,
    range_path,
)
from shared.gateways.ports import Delete, Put, Query, Update
from tests.services.story import (
    HOUR,
    begun,
    in_step,
    lost,
    play,
    play_out,
    play_to,
    store_of,
    synced,
    world_with,
)
from tests.world import World

FILES = ("a.md", "b.md", "c.md")


def edit(world: World, at: str, /, **fields: Any) -> None:
    """Set fields of a document, as somebody with the database's console does."""
    world.documents.commit([Update(at, fields)])


def replaced(world: World, at: str, /, **fields: Any) -> None:
    world.documents.commit([Put(at, fields)])


def imports(world: World) -> int:
    return world.gemini.calls["import_file"]


DAMAGE: list[dict[str, Any]] = [
    {"status": "hibernating"},
    {"status": 7},
    {"desired": "everything"},
    {"desired": {"key": 5}},
    {"schedule": []},
    {"path": 5},
    {"path": None, "status": None},
]


@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_a_damaged_file_is_set_aside_and_rebuilt_from_the_store(damage: dict[str, Any]) -> None:
    world = synced(*FILES)
    before = imports(world)
    edit(world, file_path("b.md"), **damage)
    world.put({"d.md": "new"})

    first = world.sync(mode="full")

    assert first["status"] == "completed"
    assert (first["set_aside"], first["new"], first["indexed"]) == (1, 1, 1)
    assert imports(world) == before + 1, "only the new file was imported"

    world.clock.advance(HOUR)
    second = world.sync()

    assert (second["status"], second["set_aside"], second["drift"]) == ("completed", 0, 0)
    assert imports(world) == before + 1
    assert in_step(world)
    assert "set aside" not in world.sync()["message"]


def test_the_summary_names_a_file_that_was_set_aside() -> None:
    """Also one that the same sync has rebuilt from the store."""
    world = synced(*FILES)
    edit(world, file_path("b.md"), status="hibernating")

    summary = world.sync(mode="full")

    assert "set aside: 'b.md'" in summary["message"]


def test_a_file_whose_path_cant_be_read_is_named_by_its_document() -> None:
    world = synced(*FILES)
    replaced(world, "files/x", status="hibernating", path=["b.md"], rescan=True)

    summary = world.sync()

    assert "'files/x'" in summary["message"]
    assert summary["status"] == "completed"
    world.clock.advance(HOUR)
    world.sync()
    assert not world.documents.get("files/x").exists
    assert in_step(world)


@pytest.mark.parametrize("status", ["pending", "importing", "removal_candidate", "deleting"])
def test_a_damaged_file_under_way_holds_up_no_sync(status: str) -> None:
    world = world_with(*FILES)
    batch = begun(world)
    begun_at = world.clock.now()
    play_to(world, FileStatus.PENDING, "b.md")
    edit(world, file_path("b.md"), status=status, desired=[], claim="mine")

    over = play_out(world, batch)

    assert "'b.md'" in over.message
    assert over.completed_at is not None
    assert over.completed_at < begun_at + timedelta(hours=2)
    world.clock.advance(2 * HOUR)
    world.sync()
    world.sync()
    assert in_step(world)
    assert imports(world) == len(FILES)


def test_a_document_of_an_import_under_way_is_waited_for_and_adopted() -> None:
    """The import's effect comes after the record was damaged: it must not be paid for twice."""
    world = world_with(*FILES)
    batch = begun(world)
    world.gemini.fail_next("import_file", lost(), after_effect=True)
    play(world, lambda: any(f.status is FileStatus.UNCERTAIN for f in world.files()))
    (uncertain,) = [f.path for f in world.files() if f.status is FileStatus.UNCERTAIN]
    edit(world, file_path(uncertain), status="hibernating")

    assert f"set aside: {uncertain!r}" in play_out(world, batch).message
    assert world.sync()["set_aside"] == 1, "the import may still be under way"
    world.clock.advance(2 * HOUR)
    world.sync()

    assert in_step(world)
    assert imports(world) == len(FILES)


def test_a_file_that_the_store_lacks_is_imported_after_the_listing() -> None:
    world = world_with(*FILES)
    batch = begun(world)
    play_to(world, FileStatus.PENDING, "b.md")
    edit(world, file_path("b.md"), desired=[])
    play_out(world, batch)

    summary = world.sync()

    assert summary["reconciliation"] is not None
    assert (summary["new"], summary["indexed"]) == (1, 1)
    assert in_step(world)
    assert imports(world) == len(FILES)


def test_a_damaged_record_of_a_vanished_object_goes_with_its_document() -> None:
    world = synced(*FILES)
    world.bucket.delete("b.md")
    edit(world, file_path("b.md"), current=7)

    world.sync()
    world.clock.advance(HOUR)
    world.sync()
    world.sync()

    assert world.stored_paths() == ["a.md", "c.md"]
    assert in_step(world)


def test_a_dry_run_writes_nothing_of_a_damaged_record() -> None:
    world = synced(*FILES)
    edit(world, file_path("b.md"), status="hibernating")
    before = world.documents.get(file_path("b.md")).fields

    summary = world.sync(mode="full", dry_run=True)

    assert (summary["set_aside"], summary["new"]) == (1, 0)
    assert world.documents.get(file_path("b.md")).fields == before


def test_many_damaged_records_are_no_reason_to_refuse_a_sync() -> None:
    paths = [f"{number:03}.md" for number in range(120)]
    world = synced(*paths)
    before = imports(world)
    for path in paths[10:]:
        edit(world, file_path(path), status="hibernating")

    assert world.sync(mode="full")["set_aside"] == 110
    world.clock.advance(HOUR)
    summary = world.sync()

    assert (summary["status"], summary["set_aside"]) == ("completed", 0)
    assert imports(world) == before
    assert in_step(world)


# --- memories ---------------------------------------------------------------------------------


def damaged_memories(world: World) -> None:
    for path in (BREAKER, STORAGE, UNCERTAIN_SEARCH, range_path("")):
        replaced(world, path, state=5, started_at="x", wanted=3, start=1, reason=[], bytes="x")
    replaced(world, "breaker/state/window/x", at=world.clock.now(), outcome=5)
    replaced(world, "operations/x", path="a.md", created_at=world.clock.now(), cost="dear")
    replaced(world, "batches/x", batch_id=5, created_at=world.clock.now(), status="dreaming")


def test_damaged_memories_count_as_absent() -> None:
    world = synced(*FILES)
    before = imports(world)
    damaged_memories(world)
    world.put({"d.md": "new"})
    world.bucket.delete("a.md")

    summary = world.sync()

    assert (summary["status"], summary["new"], summary["unchanged"]) == ("completed", 1, 2)
    assert imports(world) == before + 1
    assert in_step(world)


def test_the_status_function_answers_all_the_while() -> None:
    world = synced(*FILES)
    latest = world.report.batches(1)[0]["batch_id"]
    damaged_memories(world)
    for path in (file_path("b.md"), DEPLOYMENT, LEASE, page_path(latest, 0)):
        replaced(world, path, status="dreaming", path=3, fence="x", store=9)

    assert [each["batch_id"] for each in world.report.batches(10)] == [latest]
    assert world.report.batch(latest) is not None
    assert world.report.batch("x") is None
    assert world.report.history("", 1)["batches"]
    (row,) = (world.report.file("b.md") or {})["files"]
    assert "FileRecord.path: int instead of str" in row["reason"]
    indexed = world.report.files(latest, FileStatus.INDEXED, "", 100) or {}
    assert len(indexed["files"]) == 2
    assert world.report.store()["store"] == ""
    assert world.report.breaker()["breaker"]["state"] == "closed"
    assert world.report.failures("", 100)["failures"] == []


def test_a_damaged_page_of_a_list_hides_nothing_behind_it() -> None:
    world = synced(*(f"{number}.md" for number in range(7)))
    latest = world.report.batches(1)[0]["batch_id"]
    ids = [each.path for each in world.documents.query(Query("files"))]
    for path in (ids[0], ids[2], ids[3]):
        edit(world, path, desired=4)

    sizes, token = [], ""
    for _ in range(3):
        page = world.report.files(latest, None, token, 2) or {}
        sizes.append(len(page["files"]))
        token = page["next_page_token"]

    assert (sizes, token) == ([2, 2, 0], "")


def test_a_damaged_result_of_a_page_is_scanned_again() -> None:
    world = world_with(*FILES)
    batch = begun(world)
    replaced(world, page_path(batch.batch_id, 0), index="first", counts="many")

    over = play_out(world, batch)

    assert over.status == "completed"
    assert in_step(world)


def test_a_damaged_batch_in_mid_run_is_followed_by_the_next_one() -> None:
    world = world_with(*FILES)
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    edit(world, batch_path(batch.batch_id), status="dreaming")

    world.clock.advance(HOUR)
    summary = world.sync()

    assert summary["status"] == "completed"
    assert in_step(world)
    assert imports(world) == len(FILES)


def test_a_damaged_lease_is_replaced() -> None:
    world = synced(*FILES)
    replaced(world, LEASE, fence="none", holder=5)
    world.put({"d.md": "new"})

    assert world.sync()["status"] == "completed"
    assert world.records.get(Lease, LEASE).present.released


@pytest.mark.parametrize(
    "damage",
    [{"store": ""}, {"store": 5}, {"known_drift": "x"}, {"bucket": None}, {"count_trust": 1}],
    ids=str,
)
def test_a_damaged_deployment_finds_its_store_again(damage: dict[str, Any]) -> None:
    world = synced(*FILES)
    before, store = imports(world), store_of(world)
    edit(world, DEPLOYMENT, **damage)
    world.put({"d.md": "new"})

    summary = world.sync()

    assert (summary["status"], summary["new"]) == ("completed", 1)
    assert imports(world) == before + 1
    assert world.records.get(Deployment, DEPLOYMENT).present.store == store == store_of(world)
    assert in_step(world)


@pytest.mark.parametrize("gone", [True, False])
def test_a_deployment_that_is_lost_in_mid_run_is_written_anew(gone: bool) -> None:
    world = world_with(*FILES)
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    if gone:
        world.documents.commit([Delete(DEPLOYMENT)])
    else:
        edit(world, DEPLOYMENT, store="")

    assert play_out(world, batch).status == "completed"
    assert world.records.get(Deployment, DEPLOYMENT).present.store == store_of(world)
    assert world.sync()["status"] == "completed"


def test_a_deployment_without_a_store_still_belongs_to_its_bucket() -> None:
    world = synced(*FILES)
    edit(world, DEPLOYMENT, store="", bucket="another")

    with pytest.raises(Exception, match="the records belong to"):
        world.sync()


def test_a_lost_part_of_a_listing_is_listed_again() -> None:
    world = synced(*FILES)
    before = imports(world)
    batch = begun(world, mode="reconcile")

    def listed() -> bool:
        return bool(world.documents.query(queries.listed_pages(batch.batch_id)))

    play(world, listed)
    for part in world.documents.query(queries.listed_pages(batch.batch_id)):
        edit(world, part.path, live="none")

    over = play_out(world, batch)

    assert (over.status, over.reconciliation.get("ghost")) == ("completed", None)
    assert imports(world) == before
