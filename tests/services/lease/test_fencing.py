"""Fenced commits: writes of an overtaken call are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.batch.batch import Batch, BatchStatus
from shared.domain.errors import Conflict, LostLease
from shared.domain.file.record import FileStatus
from shared.gateways.database.records import Records, Stored, batch_path, creating
from shared.gateways.ports import MAX_WRITES_PER_COMMIT, Create, Put, Query, Update
from shared.services.lease.fencing import fenced
from shared.services.throttle.pump import Pump
from tests.services.story import PATH, SECOND, batch_now, begun, play, play_to, world_with
from tests.world import World

BATCH = batch_path("b1")


@pytest.fixture
def world() -> World:
    world = World()
    world.documents.commit([creating(BATCH, Batch(batch_id="b1", supervisor="me", fence=7))])
    return world


def under_fence(world: World) -> Records:
    batch = world.records.get(Batch, BATCH)
    return fenced(world.context, batch, lambda known: known.supervisor == "me").records


def change(world: World, path: str = BATCH, **changes: Any) -> None:
    def decide(stored: Stored[Batch]) -> Batch:
        return replace(stored.present, **changes)

    world.records.change(Batch, path, decide)


def test_a_commit_succeeds_and_leaves_the_batch_unchanged(world: World) -> None:
    before = world.documents.get(BATCH)
    documents = under_fence(world).documents

    versions = documents.commit([Put("files/a", {"n": 1}), Put("files/b", {"n": 2})])

    assert versions == [world.documents.get(f"files/{name}").version for name in "ab"]
    assert world.documents.get(BATCH) == before


def test_no_commit_succeeds_once_another_call_has_the_batch(world: World) -> None:
    documents = under_fence(world).documents
    change(world, supervisor="another")

    for _ in range(2):
        with pytest.raises(LostLease):
            documents.commit([Put("files/a", {"n": 1})])

    assert not world.documents.get("files/a").exists


def test_a_commit_succeeds_if_the_batch_changed_and_is_still_ours(world: World) -> None:
    documents = under_fence(world).documents
    change(world, message="paused by a person")

    documents.commit([Put("files/a", {"n": 1})])

    assert world.documents.get("files/a").exists


def test_after_a_change_of_the_batch_it_is_read_again(world: World) -> None:
    records = under_fence(world)
    change_it = replace(records.get(Batch, BATCH).present, supervisor="")
    records.change(Batch, BATCH, lambda _: change_it)

    with pytest.raises(LostLease):
        records.documents.commit([Put("files/a", {"n": 1})])


def test_after_its_own_change_of_the_batch_nothing_is_read_again(world: World) -> None:
    records = under_fence(world)
    before = records.get(Batch, BATCH)
    records.write(before, replace(before.present, message="a file is stuck"))
    reads = world.documents.reads

    records.documents.commit([Put("files/a", {"n": 1})])
    assert world.documents.reads == reads

    change(world, supervisor="another")
    with pytest.raises(LostLease):
        records.documents.commit([Put("files/a", {"n": 2})])


def test_after_a_change_of_a_later_version_the_batch_is_read_again(world: World) -> None:
    records = under_fence(world)
    change(world, supervisor="another")
    later = records.get(Batch, BATCH)
    records.write(later, replace(later.present, message="written by another"))

    with pytest.raises(LostLease):
        records.documents.commit([Put("files/a", {"n": 1})])


def test_a_conflict_of_another_write_is_raised_as_a_conflict(world: World) -> None:
    documents = under_fence(world).documents
    (stale,) = world.documents.commit([Create("files/a", {"n": 1})])
    world.documents.commit([Update("files/a", {"n": 2})])

    with pytest.raises(Conflict):
        documents.commit([Update("files/a", {"n": 3}, if_version=stale)])


def test_many_independent_writes_leave_room_for_the_fence(world: World) -> None:
    writes = [Create(f"files/{n}", {"n": n}) for n in range(MAX_WRITES_PER_COMMIT + 1)]

    assert under_fence(world).commit_each(writes) == []

    assert world.documents.count(Query("files")) == len(writes)


# --- supervisors and scans --------------------------------------------------------------------


def test_an_overtaken_supervisor_assigns_no_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_with()
    batch = begun(world)
    play_to(world, FileStatus.PENDING)
    carry_out = Pump.carry_out

    def frozen_before(self: Pump, *arguments: Any) -> int:
        change(world, batch_path(batch.batch_id), supervisor="another", fence=9)
        return carry_out(self, *arguments)

    monkeypatch.setattr(Pump, "carry_out", frozen_before)
    before = world.file(PATH)

    assert world.supervise().status == "overtaken"

    assert world.file(PATH) == before


def test_an_overtaken_supervisor_closes_no_batch() -> None:
    world = world_with()
    batch = begun(world)

    def overtaken(call: str) -> None:
        if call == "get_store:exit":
            change(world, batch_path(batch.batch_id), supervisor="another", fence=9)

    world.gemini.on_call = overtaken
    play(world, lambda: batch_now(world, batch).supervisor == "another")

    assert batch_now(world, batch).status is BatchStatus.RUNNING


@pytest.mark.parametrize(
    "change_of_the_batch", [{"fence": 9}, {"status": BatchStatus.CANCELLED}], ids=str
)
def test_an_overtaken_scan_writes_nothing(change_of_the_batch: dict[str, Any]) -> None:
    world = world_with()
    batch = begun(world)
    world.supervise()
    (task,) = (task for task in world.queues.waiting if task.path == "/control/scan")

    def overtaken(call: str) -> None:
        if call == "list_objects:exit":
            change(world, batch_path(batch.batch_id), **change_of_the_batch)

    world.bucket.on_call = overtaken
    world.clock.advance(SECOND)

    with pytest.raises(LostLease):
        world.scan(task.payload)

    assert world.files() == []
    assert world.documents.query(Query(f"{batch_path(batch.batch_id)}/pages")) == []
