"""The supervisor continues what was interrupted, and ends batches for holds and age."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.batch.batch import Batch, BatchPhase, BatchStatus, DeletePolicy, SyncMode
from shared.domain.batch.lease import Lease
from shared.domain.errors import BadRequest, Forbidden, InvalidRequest, QuotaKind, Unavailable
from shared.domain.file.record import FileStatus
from shared.domain.throttle.holds import HoldReason
from shared.gateways.database.records import LEASE, batch_path
from shared.gateways.ports import Query, QueueName, Snapshot
from shared.services.throttle.call_gate import CallGate
from tests.file_records import document_name
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    Crash,
    batch_now,
    begun,
    come_to_task,
    in_step,
    later,
    plant,
    play,
    play_for,
    play_out,
    play_to,
    store_of,
    synced,
    throttled,
    unavailable,
    world_with,
)
from tests.world import World, rules


def lease_now(world: World) -> Lease:
    return world.records.get(Lease, LEASE).present


def change_batch(world: World, batch: Batch, **changes: object) -> None:
    world.records.change(
        Batch,
        batch_path(batch.batch_id),
        lambda stored: replace(stored.present, **changes),  # type: ignore[arg-type]  # field names
    )


def test_an_idle_tick_reads_at_most_two_documents_and_writes_none() -> None:
    world = synced()
    reads, writes = world.documents.reads, world.documents.writes

    assert world.supervise().status == "idle"

    assert world.documents.reads - reads <= 2
    assert world.documents.writes == writes


def test_each_call_renews_the_lease() -> None:
    """The earlier system's heartbeat was never called."""
    world = world_with()
    begun(world)
    first = lease_now(world).expires_at
    world.clock.advance(2 * MINUTE)

    world.supervise()

    assert lease_now(world).expires_at == first + 2 * MINUTE
    assert lease_now(world).fence == 1


def test_a_second_supervisor_at_the_same_time_leaves_at_once() -> None:
    world = world_with()
    batch = begun(world)
    change_batch(world, batch, supervisor="another", supervised_until=world.clock.now() + SECOND)

    assert world.supervise().status == "busy"

    assert batch_now(world, batch).phase is BatchPhase.PREPARING


def test_a_supervisor_that_died_is_followed_by_another_under_the_next_fence() -> None:
    world = world_with()
    batch = begun(world)
    change_batch(
        world,
        batch,
        supervisor="dead",
        supervised_until=world.clock.now() + world.rules.work_budget * 1.25,
    )

    closed = play_out(world, batch)

    assert (closed.status, closed.fence) == ("completed", 2)
    assert closed.started_at is not None
    assert closed.completed_at is not None
    assert closed.completed_at - closed.started_at < HOUR / 2
    assert in_step(world)


def with_a_lost_task(world: World) -> Batch:
    """A batch with a lost task, which a supervisor would recover."""
    batch = begun(world)
    come_to_task(world, FileStatus.PENDING, "uploads")
    for task in world.queues.waiting:
        world.queues.acknowledge(task)
    return batch


def supervise_idly(world: World) -> str:
    """Make one call and check that it changes nothing; returns its status."""
    writes, calls = world.documents.writes, world.gemini.calls.copy()
    status = world.supervise().status
    assert (world.documents.writes, world.gemini.calls) == (writes, calls)
    assert world.queues.waiting == []
    return status


def test_a_batch_whose_lease_ran_out_waits_out_the_take_over_delay_first() -> None:
    """In the earlier system recovery ran before the lock was taken."""
    world = world_with()
    batch = with_a_lost_task(world)
    ends = lease_now(world).expires_at
    world.clock.set(ends + world.rules.lease.takeover_delay - SECOND)

    assert supervise_idly(world) == "waiting to take over"
    assert lease_now(world).fence == 1
    world.clock.advance(SECOND)
    world.supervise()

    lease = lease_now(world)
    assert (lease.fence, lease.holder, lease.taken_over) == (2, batch.batch_id, True)
    assert (batch_now(world, batch).fence, batch_now(world, batch).nonce) == (2, lease.nonce)


def test_nothing_is_recovered_while_another_call_supervises() -> None:
    world = world_with()
    batch = with_a_lost_task(world)
    later(world, HOUR)
    soon = world.clock.now() + SECOND
    change_batch(world, batch, supervisor="another", supervised_until=soon)

    assert supervise_idly(world) == "busy"


def test_an_overtaken_supervisor_writes_nothing_more_to_the_batch() -> None:
    world = world_with()
    batch = begun(world)

    def overtaken(call: str) -> None:
        if call == "list_stores:exit":
            change_batch(world, batch, supervisor="another", fence=9)

    world.gemini.on_call = overtaken

    assert world.supervise().status == "overtaken"

    now = batch_now(world, batch)
    assert (now.supervisor, now.fence, now.phase) == ("another", 9, BatchPhase.PREPARING)


def test_a_batch_that_is_over_has_its_lease_released_if_its_closing_was_interrupted() -> None:
    world = world_with()
    batch = begun(world)
    change_batch(world, batch, status=BatchStatus.CANCELLED, phase=BatchPhase.CLOSED)

    world.supervise()

    assert lease_now(world).released
    world.clock.advance(SECOND)
    assert world.sync()["status"] == "completed"


# --- lost tasks -------------------------------------------------------------------------------


def lose(world: World, path: str) -> None:
    """Delete every waiting task of a handler."""
    for task in world.queues.waiting:
        if task.path == path:
            world.queues.acknowledge(task)


@pytest.mark.parametrize(
    ("status", "queue"),
    [
        (FileStatus.PENDING, "uploads"),
        (FileStatus.UPLOADED, "uploads"),
    ],
)
def test_a_lost_task_is_found_and_made_again(status: FileStatus, queue: str) -> None:
    world = world_with()
    batch = begun(world)
    come_to_task(world, status, queue)

    lose(world, "/step")

    closed = play_out(world, batch)
    assert closed.status == "completed"
    assert world.gemini.imports == 1
    assert in_step(world)


def test_a_lost_removal_is_found_and_made_again() -> None:
    world = synced("a.md", "b.md")
    world.bucket.delete(PATH)
    world.clock.advance(SECOND)
    batch = begun(world)
    come_to_task(world, FileStatus.DELETING, "polls")

    lose(world, "/step")

    assert play_out(world, batch).counts["deleted"] == 1


def test_a_task_that_only_waits_is_not_made_a_second_time() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    seq = world.file(PATH).schedule.seq
    world.queues.retry_later(task, world.clock.now() + HOUR / 2)

    play_for(world, HOUR / 4)

    assert world.file(PATH).schedule.seq == seq
    assert play_out(world, batch).status == "completed"


def test_records_whose_tasks_were_never_created_get_them() -> None:
    world = world_with(*(f"{n}.md" for n in range(5)))
    batch = begun(world)
    dying = [True]

    def dies(call: str) -> None:
        uploads = [t for t in world.queues.waiting if t.queue is QueueName.UPLOADS]
        if call == "create:enter" and dying and len(uploads) == 2:
            dying.pop()
            raise Crash

    world.queues.on_call = dies

    assert play_out(world, batch).status == "completed"
    assert dying == []
    assert world.gemini.imports == 5
    assert in_step(world)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_stale_delivery_creates_the_files_current_task_if_missing(*, after: bool) -> None:
    world = synced("a.md", "b.md")
    world.bucket.delete(PATH)
    world.clock.advance(SECOND)
    batch = begun(world)
    task = come_to_task(world, FileStatus.DELETING, "polls")
    world.gemini.fail_next("delete_document", unavailable())
    world.queues.fail_next("create", Crash(), after_effect=after)
    with pytest.raises(Crash):
        world.deliver(task)
    seq = world.file(PATH).schedule.seq
    assert seq > task.payload["seq"]

    assert world.advance(task.payload) == "stale"
    world.queues.acknowledge(task)

    (current,) = [t for t in world.queues.waiting if t.payload.get("path") == PATH]
    assert current.payload["seq"] == seq
    assert play_out(world, batch).counts["deleted"] == 1


def test_a_lost_scan_task_is_made_again_under_another_name() -> None:
    world = world_with()
    batch = begun(world)
    play(world, lambda: [t for t in world.queues.waiting if t.path == "/control/scan"])

    lose(world, "/control/scan")

    closed = play_out(world, batch)
    assert (closed.status, closed.scan_attempt) == ("completed", 1)


def test_a_batch_finishes_by_scheduler_calls_alone_if_all_nudges_are_lost() -> None:
    world = world_with("a.md", "b.md")
    batch = begun(world)

    def lost_nudges() -> bool:
        lose(world, "/control/supervise")
        return batch_now(world, batch).status.is_terminal

    play(world, lost_nudges)

    assert batch_now(world, batch).status == "completed"
    assert in_step(world)


def test_a_batch_finishes_after_an_hour_without_any_process() -> None:
    world = world_with(*(f"{n}.md" for n in range(10)))
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED, "3.md")
    for task in world.queues.waiting:
        world.queues.acknowledge(task)
    later(world, HOUR)

    assert play_out(world, batch).status == "completed"
    assert world.gemini.imports == 10
    assert in_step(world)


# --- guards and ends --------------------------------------------------------------------------


def test_more_imports_than_asked_for_are_refused_with_the_figures_and_none_is_made() -> None:
    world = world_with(*(f"{n}.md" for n in range(5)))

    summary = world.sync(max_imports=4)

    assert summary["status"] == "refused"
    assert "5 files" in summary["message"]
    assert "max_imports=4" in summary["message"]
    assert world.gemini.metered == 0
    later(world, HOUR)
    assert world.sync(max_imports=5)["indexed"] == 5


@pytest.mark.parametrize("guard", [{"max_imports": 8}, {"max_estimated_cost": 0.01}], ids=str)
def test_guards_check_a_long_scan_before_its_first_import(
    guard: dict[str, Any],
) -> None:
    world = World(rules(page_size=2))
    world.put({f"{n}.md": "x" * 400_000 for n in range(9)})
    listings = []

    def slow(call: str) -> None:
        if call == "list_objects:exit":
            listings.append(call)
            world.supervise()
            world.clock.advance(MINUTE)

    world.bucket.on_call = slow

    assert world.sync(**guard)["status"] == "refused"
    assert len(listings) > 4
    assert world.gemini.metered == 0
    assert [task for task in world.queues.waiting if task.queue is QueueName.UPLOADS] == []


def test_a_cost_above_the_bound_is_refused_with_the_figures_and_nothing_is_spent() -> None:
    world = World(rules())
    world.put({f"{n}.md": "x" * 400_000 for n in range(5)})  # 500,000 tokens, 0.075 USD

    summary = world.sync(max_estimated_cost=0.07)

    assert summary["status"] == "refused"
    for figure in ("5 files", "2 MB", "500000 tokens", "0.075 USD", "2026-10-07"):
        assert figure in summary["message"]
    assert world.gemini.metered == 0
    later(world, HOUR)
    assert world.sync(max_estimated_cost=0.08)["indexed"] == 5


def test_files_left_by_an_earlier_batch_count_for_the_guards() -> None:
    """Uploaded files count too: the upload costs nothing, but its import does."""
    world = world_with("a.md", "b.md")
    world.gemini.file_latency = MINUTE
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    world.control.cancel(batch.batch_id)
    later(world, SECOND)

    summary = world.sync(max_imports=1)

    assert summary["status"] == "refused"
    assert "2 files" in summary["message"]


def test_the_guard_of_the_cost_reads_sums_and_not_records() -> None:
    reads = []
    for files in (10, 400):
        world = World(rules())
        world.put({f"{n}.md": "x" * 4000 for n in range(files)})
        assert world.sync(max_estimated_cost=0.000001)["status"] == "refused"
        later(world, HOUR)
        world.documents.reads = 0
        assert world.sync(max_estimated_cost=0.000001)["status"] == "refused"
        reads.append(world.documents.reads)

    assert reads[1] == reads[0]


def test_max_estimated_cost_without_a_known_price_is_an_invalid_request() -> None:
    world = world_with(given=rules(embedding_model="models/gemini-embedding-9"))

    with pytest.raises(InvalidRequest, match=r"prices\.json"):
        begun(world, max_estimated_cost=1.0)
    assert world.sync(max_imports=1)["indexed"] == 1


@pytest.mark.parametrize(
    "quota", [QuotaKind.DAY, QuotaKind.STORAGE, QuotaKind.SPEND], ids=lambda q: q.value
)
@pytest.mark.parametrize("call", ["upload", "import_file"])
def test_a_spent_allowance_defers_the_batch_and_counts_against_no_file(
    quota: QuotaKind, call: str
) -> None:
    world = world_with(*(f"{n}.md" for n in range(4)))

    def spent(entered: str) -> None:
        if entered == f"{call}:enter" and world.gemini.calls[call] > 2:
            raise throttled(quota=quota)

    world.gemini.on_call = spent
    batch = begun(world)
    closed = play_out(world, batch)

    assert closed.status == "deferred"
    assert f"({quota})" in closed.message
    assert closed.completed_at is not None
    assert closed.completed_at - (closed.started_at or closed.completed_at) < HOUR
    assert closed.counts["failed"] == 0
    assert {f.status for f in world.files()} <= {
        FileStatus.INDEXED,
        FileStatus.PENDING,
        FileStatus.UPLOADED,
    }
    world.gemini.on_call = lambda _: None
    later(world, DAY)
    assert world.sync()["status"] == "completed"
    assert world.gemini.imports == 4
    assert in_step(world)


def test_a_held_sync_makes_no_metered_request_until_the_hold_is_over() -> None:
    world = world_with("a.md", "b.md")
    world.gemini.fail_next("upload", throttled(quota=QuotaKind.DAY))
    world.gemini.fail_next("upload", throttled(quota=QuotaKind.DAY))
    assert world.sync()["status"] == "deferred"
    metered = world.gemini.metered
    world.clock.advance(SECOND)

    assert world.sync()["status"] == "deferred"

    assert world.gemini.metered == metered
    assert world.report.breaker()["hold"] == {
        "reason": "day",
        "until": "2026-01-01T08:01:00+00:00",  # midnight in California, and a minute
    }


def test_a_file_does_not_wait_for_a_hold_that_is_replaced_by_a_shorter_one() -> None:
    world = world_with()
    batch = begun(world)
    began = world.clock.now()
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    traffic = CallGate(world.context)
    traffic.hold(HoldReason.DAY)
    world.deliver(task)
    traffic.hold(HoldReason.ACCOUNT)

    later(world, HOUR / 2)

    assert play_out(world, batch).status == "completed"
    assert world.clock.now() - began < HOUR
    assert in_step(world)


def test_a_held_sync_still_carries_out_removals() -> None:
    world = synced("a.md", "b.md")
    world.put({"c.md": "new"})
    world.gemini.fail_next("upload", throttled(quota=QuotaKind.STORAGE))
    world.clock.advance(SECOND)
    assert world.sync()["status"] == "deferred"
    world.bucket.delete(PATH)
    world.clock.advance(SECOND)

    assert world.sync()["deleted"] == 1
    assert world.stored_paths() == ["b.md"]


def test_a_batch_closes_at_its_maximum_age_and_the_rest_goes_on_with_the_next() -> None:
    world = world_with(
        *(f"{n:02d}.md" for n in range(30)),
        given=rules(tier=replace(rules().settings.tier, rpm=5), batch_max_age=5 * MINUTE),
    )
    batch = begun(world)
    closed = play_out(world, batch)

    assert closed.status == "deferred"
    assert "0:05:00" in closed.message
    assert closed.completed_at is not None
    assert closed.completed_at - (closed.created_at or closed.completed_at) <= 7 * MINUTE
    done = world.gemini.imports
    assert 5 <= done < 30
    assert world.gemini.metered <= 7 * 5 + 2
    world.clock.advance(SECOND)
    world.sync()
    assert world.gemini.imports > done


def test_a_store_that_differs_from_the_records_is_listed_at_once() -> None:
    world = synced("a.md", "b.md")
    world.gemini.delete_document(document_name(world.file(PATH)))
    world.clock.advance(SECOND)

    summary = world.sync()

    assert (summary["status"], summary["drift"]) == ("completed", 0)
    assert summary["reconciliation"]["ghost"] == 1
    assert in_step(world)


def test_a_second_document_is_not_hidden_by_a_file_that_failed() -> None:
    world = world_with("a.md", "b.md")
    world.gemini.fail_next("import_file", BadRequest("import_file", code=400))
    assert world.sync()["failed"] == 1
    (indexed,) = world.store_documents()
    plant(world, store_of(world), str(indexed.metadata["path"]))
    world.clock.advance(SECOND)

    summary = world.sync()

    assert summary["reconciliation"]["duplicate"] == 1
    assert len(world.store_documents()) == 1


def test_a_lost_document_is_not_hidden_by_one_whose_object_is_gone() -> None:
    world = synced("a.md", "b.md")
    world.bucket.delete("a.md")
    world.gemini.delete_document(document_name(world.file("b.md")))
    world.clock.advance(SECOND)

    summary = world.sync(delete_policy=DeletePolicy.ADD_ONLY)

    assert summary["reconciliation"]["ghost"] == 1
    assert world.stored_paths() == ["a.md", "b.md"]


def test_an_unexplained_difference_is_reported_each_time_and_listed_once() -> None:
    world = synced("a.md", "b.md")
    plant(world, store_of(world), "c.md", owner="somebody else")
    world.clock.advance(SECOND)

    first = world.sync()
    listed = world.gemini.calls["list_documents"]
    second = world.sync()

    assert first["reconciliation"]["foreign"] == 1
    assert (first["drift"], second["drift"]) == (1, 1)
    assert "counts 3 documents, the records 2" in second["message"]
    assert world.gemini.calls["list_documents"] == listed


def test_a_lost_document_that_counts_do_not_show_is_found_within_a_week() -> None:
    world = synced("a.md", "b.md")
    world.gemini.delete_document(document_name(world.file("a.md")))
    plant(world, store_of(world), "c.md", owner="somebody else")
    later(world, DAY)

    hidden = world.sync()
    later(world, 6 * DAY)
    found = world.sync()

    assert (hidden["drift"], hidden["reconciliation"]) == (0, None)
    assert (found["reconciliation"]["ghost"], found["indexed"]) == (1, 1)
    assert world.stored_paths() == ["a.md", "b.md", "c.md"]


def test_a_store_whose_counts_agree_is_listed_once_a_week() -> None:
    world = synced("a.md", "b.md")
    listings = []
    for _ in range(15):
        before = world.gemini.calls["list_documents"]
        later(world, DAY)
        assert world.sync()["status"] == "completed"
        listings.append(world.gemini.calls["list_documents"] - before)

    assert [day for day, made in enumerate(listings, 1) if made] == [7, 14]
    assert world.gemini.imports == 2


def test_a_sync_of_a_part_does_not_list_the_store() -> None:
    world = synced("a/1.md", "b/1.md")
    later(world, 8 * DAY)

    world.sync(prefix="a/")

    assert world.gemini.calls["list_documents"] == 0


def test_the_counts_of_a_closed_batch_are_those_of_its_files() -> None:
    world = synced("a.md", "b.md", "c.md")
    world.bucket.delete("a.md")
    world.put({"b.md": "changed", "d.md": "new", "e.md": ""})
    world.clock.advance(SECOND)

    summary = world.sync()

    names = [
        "scanned",
        "new",
        "changed",
        "removed",
        "unchanged",
        "skipped",
        "indexed",
        "deleted",
        "failed",
    ]
    assert [summary[name] for name in names] == [4, 1, 1, 1, 1, 1, 2, 1, 0]


def test_the_lease_of_a_closed_batch_is_free() -> None:
    world = synced()

    assert lease_now(world).released
    assert lease_now(world).fence == 1
    assert lease_now(world).expires_at <= world.clock.now()


@pytest.mark.parametrize(
    ("call", "request_"),
    [
        ("list_stores", {}),
        ("list_documents", {"mode": SyncMode.RECONCILE}),
        ("list_documents", {"mode": SyncMode.RECONCILE, "dry_run": True}),
    ],
    ids=["preparing", "reconciling", "a dry run"],
)
def test_a_batch_that_reaches_no_file_says_why_and_ends_by_its_age(
    call: str, request_: dict[str, Any]
) -> None:
    short = rules(batch_max_age=2 * HOUR)
    world = synced(given=short) if request_ else world_with(given=short)
    world.clock.advance(SECOND)

    def refuse(name: str) -> None:
        if name == f"{call}:enter":
            raise unavailable()

    world.gemini.on_call = refuse
    batch = begun(world, **request_)
    play_for(world, HOUR)
    assert "503" in batch_now(world, batch).message

    play_for(world, 2 * HOUR)

    closed = batch_now(world, batch)
    assert closed.status is BatchStatus.DEFERRED
    assert "503" in closed.message
    world.gemini.on_call = lambda _: None
    world.clock.advance(SECOND)
    summary = world.sync()
    assert (summary["status"], batch_now(world, batch).message) == ("completed", closed.message)


def test_an_unreadable_queue_stops_neither_other_files_nor_the_batch() -> None:
    world = world_with("a.md", "b.md", given=rules(batch_max_age=2 * HOUR))
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.queues.acknowledge(task)  # lost

    def refuse(call: str) -> None:
        if call == "exists:enter":
            raise Forbidden("queues.exists", code=403)

    world.queues.on_call = refuse
    play_for(world, HOUR)
    assert world.file("b.md").status is FileStatus.INDEXED
    assert world.file(PATH).status is FileStatus.PENDING

    play_for(world, 2 * HOUR)

    assert batch_now(world, batch).status is BatchStatus.DEFERRED


def test_a_batch_whose_calls_all_fail_ends_by_its_age() -> None:
    world = world_with(given=rules(batch_max_age=2 * HOUR))
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    ask = world.documents.query

    def broken(query: Query) -> list[Snapshot]:
        if query.collection == "files":
            raise Unavailable("query", code=503)
        return ask(query)

    world.documents.query = broken  # type: ignore[method-assign]  # this world only
    with pytest.raises(Unavailable):
        world.supervise()
    play_for(world, 3 * HOUR)

    assert batch_now(world, batch).status is BatchStatus.DEFERRED


def test_an_overtaken_supervisor_does_not_close_its_successors_batch() -> None:
    world = world_with()
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    later(world, world.rules.batch_max_age)
    ask = world.documents.query

    def overtaken(query: Query) -> list[Snapshot]:
        found = ask(query)
        if any(FileStatus.UNCERTAIN.value in str(where.value) for where in query.where):
            change_batch(world, batch, supervisor="another")
        return found

    world.documents.query = overtaken  # type: ignore[method-assign]  # this world only

    assert world.supervise().status == "overtaken"

    now = batch_now(world, batch)
    assert (now.status, now.supervisor) == (BatchStatus.RUNNING, "another")
