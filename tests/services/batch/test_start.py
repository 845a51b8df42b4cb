"""Starting a sync: one at a time, with its own records and one store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.domain.batch.batch import Batch, SyncMode, Trigger
from shared.domain.batch.lease import Lease
from shared.domain.batch.request import SyncRequest
from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import AlreadyRunning, BadRequest, InvalidRequest, Refused
from shared.domain.file.record import FileStatus
from shared.domain.throttle.unmetered import Polls
from shared.gateways.database.records import DEPLOYMENT, LEASE, POLLS
from shared.gateways.ports import Query
from shared.services.batch.start import StartSync
from tests.services.story import (
    DAY,
    MINUTE,
    SECOND,
    Crash,
    batch_now,
    begun,
    cancelled,
    denied,
    in_step,
    plant,
    play_for,
    play_out,
    play_to,
    synced,
    throttled,
    unavailable,
    world_with,
)
from tests.world import World, rules


def batches(world: World) -> list[Batch]:
    return [stored.present for stored in world.records.query(Batch, Query("batches"))]


def stores(world: World) -> int:
    return len(world.gemini.list_stores().stores)


def test_a_batch_and_its_lease_are_written_together() -> None:
    world = world_with()

    batch = begun(world, mode=SyncMode.FULL, trigger=Trigger.SCHEDULER, max_deletes=7)

    lease = world.records.get(Lease, LEASE).present
    assert (lease.holder, lease.fence, lease.released) == (batch.batch_id, 1, False)
    assert batch_now(world, batch) == batch
    assert (batch.mode, batch.trigger, batch.max_deletes) == ("full", "scheduler", 7)
    assert [task.path for task in world.queues.waiting] == ["/control/supervise"]


def test_a_second_start_is_refused_with_the_running_batch() -> None:
    """The earlier system's lock was an upsert that always succeeded."""
    world = world_with()
    batch = begun(world)

    with pytest.raises(AlreadyRunning) as caught:
        begun(world)

    assert caught.value.batch_id == batch.batch_id
    assert len(batches(world)) == 1


@pytest.mark.parametrize("make", [world_with, synced], ids=["no lease yet", "a released lease"])
def test_of_two_concurrent_starts_one_makes_the_batch_and_the_other_names_it(
    make: Callable[[], World],
) -> None:
    world = make()
    before = len(batches(world))
    world.clock.advance(SECOND)
    read = world.documents.get_all
    first: list[str] = []

    def overtaken(paths: list[str]) -> object:
        snapshots = read(paths)
        if LEASE in paths and not first:
            first.append("")
            first.append(begun(world).batch_id)
        return snapshots

    world.documents.get_all = overtaken  # type: ignore[method-assign,assignment]  # this world only
    with pytest.raises(AlreadyRunning) as caught:
        begun(world)

    assert caught.value.batch_id == first[1]
    assert len(batches(world)) == before + 1


def test_twenty_concurrent_starts_make_one_batch() -> None:
    for losers in range(20):
        world = world_with()
        read = world.documents.get_all
        left = [losers]
        refused: list[str] = []

        def overtaken(
            paths: list[str],
            *,
            world: World = world,
            left: list[int] = left,
            refused: list[str] = refused,
            read: object = read,
        ) -> object:
            snapshots = read(paths)  # type: ignore[operator]  # the method itself
            if LEASE in paths and left[0]:
                left[0] -= 1
                try:
                    begun(world)
                except AlreadyRunning as running:
                    refused.append(running.batch_id)
            return snapshots

        world.documents.get_all = overtaken  # type: ignore[method-assign,assignment]  # as above
        try:
            begun(world)
        except AlreadyRunning as running:
            refused.append(running.batch_id)
        assert len(batches(world)) == 1
        assert set(refused) <= {batches(world)[0].batch_id}
        assert len(refused) == losers


def test_a_start_while_the_lease_has_run_out_does_not_overtake_the_batch() -> None:
    world = world_with()
    batch = begun(world)
    world.clock.advance(DAY)

    with pytest.raises(AlreadyRunning) as caught:
        begun(world)

    assert caught.value.batch_id == batch.batch_id


def test_a_start_whose_process_died_before_its_task_is_found_by_scheduler() -> None:
    world = world_with()
    world.queues.fail_next("create", Crash())
    with pytest.raises(Crash):
        begun(world)

    play_for(world, 5 * MINUTE)

    (batch,) = batches(world)
    assert batch.status == "completed"
    assert in_step(world)


def test_a_prefix_outside_the_deployments_own_is_refused() -> None:
    world = world_with(given=rules(prefix="docs/"))

    with pytest.raises(InvalidRequest, match="docs/"):
        begun(world, prefix="other/")

    assert batches(world) == []


def test_a_prefix_in_another_unicode_form_is_refused_as_such() -> None:
    world = world_with(given=rules(prefix="\u00fc/"))
    with pytest.raises(InvalidRequest) as refused:
        begun(world, prefix="u\u0308/x")
    (problem,) = refused.value.problems
    assert ascii("\u00fc/") in problem
    assert "Unicode form" in problem


@pytest.mark.parametrize(
    "change", [{"bucket": "other"}, {"prefix": "other/"}, {"deployment": "other"}]
)
def test_records_of_another_bucket_prefix_or_deployment_are_refused(change: dict[str, str]) -> None:
    world = synced()
    world.clock.advance(SECOND)
    other = StartSync(replace(world.context, rules=rules(**change)))

    with pytest.raises(Refused) as caught:
        other(SyncRequest())

    assert "'library'" in str(caught.value)
    assert next(iter(change.values())) in str(caught.value)
    assert len(batches(world)) == 1


# --- the store --------------------------------------------------------------------------------


def test_the_store_is_created_once_and_found_again() -> None:
    world = synced()
    world.clock.advance(SECOND)
    world.sync()

    assert stores(world) == 1
    assert world.gemini.calls["create_store"] == 1
    deployment = world.records.get(Deployment, DEPLOYMENT).present
    assert (deployment.bucket, deployment.deployment) == ("library", "test")


@pytest.mark.parametrize(
    ("error", "times", "ends"),
    [
        (unavailable(), 3, "completed"),
        (throttled(), 3, "completed"),
        (denied(), 1, "failed"),
        (BadRequest("gemini.call", code=400), 1, "failed"),
    ],
    ids=["503", "429", "403", "400"],
)
def test_a_listing_error_creates_no_second_store(error: Exception, times: int, ends: str) -> None:
    """In the earlier system a listing error created a second store."""
    world = world_with()
    world.gemini.create_store("test store", "")
    for _ in range(times):
        world.gemini.fail_next("list_stores", error)
    batch = begun(world)

    assert play_out(world, batch).status == ends

    assert stores(world) == 1
    assert in_step(world) is (ends == "completed")


def test_a_listing_error_on_the_second_page_creates_no_second_store() -> None:
    world = world_with()
    for n in range(20):
        world.gemini.create_store(f"other {n}", "")
    ours = world.gemini.create_store("test store", "")
    ask = world.gemini.list_stores
    fault = [unavailable()]

    def listing(token: str = "") -> object:
        if token and fault:
            raise fault.pop()
        return ask(token)

    world.gemini.list_stores = listing  # type: ignore[method-assign,assignment]  # this world only
    batch = begun(world)

    assert play_out(world, batch).store == ours.name


def test_a_store_whose_creation_reply_was_lost_is_found_and_not_made_again() -> None:
    world = world_with()
    world.gemini.fail_next("create_store", unavailable(), after_effect=True)
    batch = begun(world)

    assert play_out(world, batch).status == "completed"
    assert stores(world) == 1


def test_a_429_on_the_listing_of_stores_slows_unmetered_calls() -> None:
    """In the earlier system the listing of stores bypassed the breaker."""
    world = world_with()
    world.gemini.fail_next("list_stores", throttled())
    batch = begun(world)

    assert play_out(world, batch).status == "completed"
    assert world.records.get(Polls, POLLS).present.held_until is not None


def test_two_stores_of_one_name_are_refused_by_name() -> None:
    world = world_with()
    one = world.gemini.create_store("test store", "")
    two = world.gemini.create_store("test store", "")
    plant(world, one.name, "a.md")
    plant(world, two.name, "b.md")
    metered = world.gemini.metered

    summary = world.sync()

    assert summary["status"] == "refused"
    assert one.name in summary["message"]
    assert two.name in summary["message"]
    assert world.gemini.metered == metered


def test_of_two_stores_of_one_name_the_one_with_documents_is_used() -> None:
    world = world_with()
    world.gemini.create_store("test store", "")
    used = world.gemini.create_store("test store", "")
    plant(world, used.name, "theirs.md", owner="somebody else")

    summary = world.sync()

    assert summary["status"] == "completed"
    assert {document.name.partition("/doc")[0] for document in world.store_documents()} == {
        used.name
    }


def losing_its_records() -> World:
    """A world whose store holds documents and whose records are lost."""
    world = synced("a.md", "b.md")
    world.documents._collections.clear()
    world.clock.advance(SECOND)
    return world


def test_a_store_with_documents_beside_empty_records_is_reconciled_first() -> None:
    world = losing_its_records()
    metered = world.gemini.metered

    summary = world.sync()

    assert (summary["status"], summary["unchanged"], summary["new"]) == ("completed", 2, 0)
    assert summary["reconciliation"]["adopted"] == 2
    assert world.gemini.metered == metered
    assert in_step(world)


def test_force_takes_over_a_store_that_holds_documents() -> None:
    world = losing_its_records()

    summary = world.sync(force=True)

    assert (summary["status"], summary["new"]) == ("completed", 2)
    assert world.gemini.imports == 4
    assert in_step(world), "what it was imported beside has gone again"


def test_the_next_batch_continues_what_a_cancelled_one_left() -> None:
    world = world_with("a.md", "b.md", "c.md")
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    cancelled(world, batch)

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.imports == 3
    assert in_step(world)
