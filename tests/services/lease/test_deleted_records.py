"""The lease's record, or that of the batch which holds it, was deleted by somebody."""

from __future__ import annotations

import pytest

from shared.domain.batch.lease import Lease
from shared.domain.errors import AlreadyRunning, Refused
from shared.domain.file.record import FileStatus
from shared.gateways.database import queries
from shared.gateways.database.records import LEASE, batch_path, file_path
from shared.gateways.ports import Delete, Query, Snapshot, Update
from tests.services.story import (
    MINUTE,
    PATH,
    SECOND,
    begun,
    contents,
    in_step,
    later,
    lost,
    play,
    play_out,
    play_to,
    synced,
    wanted,
    world_with,
)
from tests.world import World, rules

NAMES = tuple(f"{number:02d}.md" for number in range(12))


def forget(world: World, path: str) -> None:
    world.documents.commit([Delete(path)])


def lease_now(world: World) -> Lease:
    return world.records.get(Lease, LEASE).present


def long_used(*paths: str) -> World:
    """A world of many syncs, so that its fence has grown."""
    world = synced(*paths, given=rules(page_size=4))
    for number in range(5):
        later(world, SECOND)
        world.put({paths[0]: f"content {number}"})
        world.sync()
    later(world, SECOND)
    return world


# --- the lease --------------------------------------------------------------------------------


def test_changes_after_a_deleted_lease_are_not_lost() -> None:
    world = long_used(*NAMES)
    before = lease_now(world).fence
    forget(world, LEASE)
    world.bucket.delete(NAMES[1])
    world.put({NAMES[0]: "changed after the loss", NAMES[5]: "this one too", "new.md": "new"})

    summary = world.sync()

    assert (summary["status"], summary["drift"]) == ("completed", 0)
    assert (summary["new"], summary["changed"], summary["removed"]) == (1, 2, 1)
    assert contents(world) == wanted(world)
    assert in_step(world)
    assert lease_now(world).fence == before + 1


@pytest.mark.parametrize("lost", [queries.FILES, queries.BATCHES])
def test_either_files_or_batches_tell_how_high_the_fence_was(lost: str) -> None:
    world = long_used(*NAMES)
    before = lease_now(world).fence
    for found in world.documents.query(Query(lost)):
        forget(world, found.path)
    forget(world, LEASE)

    begun(world)

    assert lease_now(world).fence == before + 1


def test_a_lease_restored_from_a_backup_gives_out_no_fence_again() -> None:
    world = long_used(*NAMES)
    before = lease_now(world)
    world.documents.commit([Update(LEASE, {"fence": 1})])
    world.put({NAMES[0]: "changed after the loss"})

    assert world.sync()["changed"] == 1

    assert lease_now(world).fence == before.fence + 1
    assert in_step(world)


def test_finding_the_fence_reads_two_documents_however_many_there_are() -> None:
    few, many = (long_used(*NAMES[:count]) for count in (1, 12))
    costs = []
    for world in (few, many):
        before = world.documents.reads
        begun(world)
        costs.append(world.documents.reads - before)

    assert costs[0] == costs[1] <= 6


def test_a_page_with_a_record_of_a_higher_fence_is_not_remembered() -> None:
    """Such a record is passed over; its page is read again until it isn't."""
    world = long_used(PATH)
    batch = begun(world)
    world.documents.commit([Update(file_path(PATH), {"fence": batch.fence + 1})])
    world.put({PATH: "changed"})
    assert play_out(world, batch).counts.get("changed") is None
    later(world, SECOND)

    assert world.sync()["changed"] == 1

    assert in_step(world)


def test_a_page_whose_record_changed_while_it_was_scanned_is_not_remembered() -> None:
    world = long_used(PATH)
    world.put({PATH: "changed"})
    batch = begun(world)
    query, changed = world.documents.query, [False]

    def meanwhile(asked: Query) -> list[Snapshot]:
        found = query(asked)
        if asked.order_by == ("path",) and not changed[0]:
            changed[0] = True
            world.documents.commit([Update(file_path(PATH), {"aims": 1})])
        return found

    world.documents.query = meanwhile  # type: ignore[method-assign,assignment]  # this world only
    play_out(world, batch)

    (page,) = query(Query(queries.RANGES))
    assert page.fields is not None
    assert page.fields["listing"] == ""
    assert in_step(world)


@pytest.mark.parametrize(
    "status", [FileStatus.PENDING, FileStatus.UPLOADED, FileStatus.IMPORTING, FileStatus.INDEXED]
)
def test_a_batch_goes_on_at_once_if_its_lease_is_deleted(status: FileStatus) -> None:
    world = world_with(*NAMES)
    world.gemini.import_latency = 30 * SECOND
    batch = begun(world)
    play_to(world, status, NAMES[0])
    fence = lease_now(world).fence
    forget(world, LEASE)
    began = world.clock.now()

    with pytest.raises(AlreadyRunning) as refused:
        begun(world)
    assert refused.value.batch_id == batch.batch_id
    closed = play_out(world, batch)

    assert (closed.status, closed.fence) == ("completed", fence + 1)
    assert world.clock.now() - began < 5 * MINUTE
    assert world.gemini.imports == len(NAMES)
    assert in_step(world)
    assert lease_now(world).released


def test_the_lease_is_deleted_while_its_holder_works() -> None:
    world = world_with(*NAMES)
    batch = begun(world)
    told: list[str] = []

    def meanwhile(call: str) -> None:
        if call == "list_stores:exit" and not told:
            forget(world, LEASE)
            told.append(world.supervise().status)

    world.gemini.on_call = meanwhile
    closed = play_out(world, batch)

    assert told == ["busy"], "the holder's claim is in the batch"
    assert closed.status == "completed"
    assert len(world.gemini.list_stores().stores) == 1
    assert world.gemini.imports == len(NAMES)


def test_a_lease_deleted_while_nothing_runs_costs_an_idle_call_three_reads() -> None:
    world = synced()
    forget(world, LEASE)
    reads, writes = world.documents.reads, world.documents.writes

    assert world.supervise().status == "idle"

    assert world.documents.reads - reads <= 3
    assert world.documents.writes == writes


# --- the batch --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", [FileStatus.PENDING, FileStatus.UPLOADED, FileStatus.IMPORTING, FileStatus.UNCERTAIN]
)
def test_a_start_says_that_the_running_batch_was_deleted_and_until_when(status: FileStatus) -> None:
    world = world_with(*NAMES)
    world.gemini.import_latency = 30 * SECOND
    if status is FileStatus.UNCERTAIN:
        world.gemini.fail_next("import_file", lost(), after_effect=True)
    batch = begun(world)
    play(world, lambda: any(file.status is status for file in world.files()))
    until = lease_now(world).expires_at + world.rules.lease.takeover_delay
    forget(world, batch_path(batch.batch_id))

    with pytest.raises(Refused) as refused:
        begun(world)

    assert batch.batch_id in str(refused.value)
    assert until.isoformat(timespec="minutes") in str(refused.value)
    later(world, until - world.clock.now())
    summary = world.sync()
    assert summary["status"] == "completed"
    assert world.gemini.imports == len(NAMES), "nothing is imported twice"
    assert in_step(world)
