"""Cancel, pause and resume a batch."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from shared.domain.batch.batch import BatchPhase, BatchStatus
from shared.domain.batch.lease import Lease
from shared.domain.errors import InvalidRequest, NoSuchBatch
from shared.domain.file.record import FileStatus
from shared.gateways.database.records import LEASE
from shared.gateways.ports import Update, Write
from tests.services.story import (
    HOUR,
    MINUTE,
    PATH,
    batch_now,
    begun,
    breaker_now,
    cancelled,
    come_to_look,
    come_to_task,
    in_step,
    play,
    play_for,
    play_out,
    play_to,
    synced,
    world_with,
)
from tests.world import rules


def test_a_paused_batch_makes_no_metered_request_though_scheduler_goes_on() -> None:
    world = world_with(*(f"{n}.md" for n in range(20)))
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED, "7.md")
    world.control.pause(batch.batch_id)
    metered = world.gemini.metered

    play_for(world, HOUR)

    assert world.gemini.metered == metered
    assert batch_now(world, batch).status == "paused"
    world.control.resume(batch.batch_id)
    assert play_out(world, batch).status == "completed"
    assert world.gemini.imports == 20
    assert in_step(world)


def test_a_pause_during_a_call_of_the_supervisor_is_not_taken_back() -> None:
    world = world_with()
    batch = begun(world)
    commit = world.documents.commit

    def pausing(writes: Sequence[Write]) -> list[object]:
        advances = any(isinstance(each, Update) and "phase" in each.fields for each in writes)
        if advances and batch_now(world, batch).phase is BatchPhase.SCANNING:
            world.documents.commit = commit  # type: ignore[method-assign]  # from now on
            world.control.pause(batch.batch_id)
        return commit(writes)

    world.documents.commit = pausing  # type: ignore[method-assign]  # this world only
    play_for(world, HOUR / 4)

    assert batch_now(world, batch).status == "paused"
    assert breaker_now(world).running == ""
    assert world.gemini.metered == 0


def test_an_import_in_progress_is_finished_during_a_pause() -> None:
    world = world_with()
    world.gemini.import_latency = 5 * MINUTE
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    world.control.pause(batch.batch_id)

    play_to(world, FileStatus.INDEXED)

    assert batch_now(world, batch).status == "paused"


def test_a_pause_during_the_scan_holds_the_scan() -> None:
    world = world_with(*(f"{n}.md" for n in range(7)), given=rules(page_size=3))
    batch = begun(world)
    play(world, lambda: [t for t in world.queues.waiting if t.path == "/control/scan"])
    world.control.pause(batch.batch_id)

    play_for(world, HOUR / 4)

    assert world.files() == []
    world.control.resume(batch.batch_id)
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_a_cancelled_batch_is_over_at_once_and_the_lease_is_free() -> None:
    world = world_with("a.md", "b.md")
    batch = begun(world)
    play_to(world, FileStatus.PENDING)

    ended = world.control.cancel(batch.batch_id)

    assert (ended.status, ended.message) == ("cancelled", "cancelled on request")
    assert ended.completed_at == world.clock.now()
    metered = world.gemini.metered
    play_for(world, HOUR)
    assert world.gemini.metered == metered
    assert world.sync()["status"] == "completed"
    assert in_step(world)


def test_a_step_that_runs_while_its_batch_is_cancelled_is_finished() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")

    def cancel(call: str) -> None:
        if call == "import_file:enter":
            cancelled(world, batch)

    world.gemini.on_call = cancel
    world.deliver(task)

    assert batch_now(world, batch).status == "cancelled"
    world.deliver(come_to_look(world, FileStatus.IMPORTING))
    assert world.file(PATH).status is FileStatus.INDEXED


def test_a_task_planned_by_a_cancelled_batch_makes_no_metered_request() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    cancelled(world, batch)

    world.deliver(task)

    assert world.gemini.metered == 0
    assert world.file(PATH).status is FileStatus.PENDING


def test_a_paused_batch_can_be_cancelled() -> None:
    world = world_with()
    batch = begun(world)
    world.control.pause(batch.batch_id)

    assert world.control.cancel(batch.batch_id).status == "cancelled"


def test_a_cancellation_during_a_supervisors_call_takes_effect() -> None:
    world = world_with()
    batch = begun(world)
    commit = world.documents.commit
    racing = [True]

    def raced(writes: list[object]) -> list[object]:
        if racing and any(w.path.startswith("batches/") for w in writes):  # type: ignore[attr-defined]
            racing.pop()
            world.supervise()
        return commit(writes)  # type: ignore[arg-type]  # passed on

    world.documents.commit = raced  # type: ignore[method-assign,assignment]  # this world only

    assert world.control.cancel(batch.batch_id).status == "cancelled"
    assert batch_now(world, batch).status == "cancelled"


def test_a_batch_cancelled_during_a_supervisors_call_frees_the_lease_with_that_call() -> None:
    world = world_with()
    batch = begun(world)

    def cancel(call: str) -> None:
        if call == "list_stores:enter" and not batch_now(world, batch).status.is_terminal:
            cancelled(world, batch)

    world.gemini.on_call = cancel

    world.supervise()

    assert batch_now(world, batch).status == "cancelled"
    assert world.records.get(Lease, LEASE).present.released
    assert begun(world).status is BatchStatus.RUNNING


@pytest.mark.parametrize("act", ["cancel", "pause", "resume"])
def test_a_missing_batch_and_a_closed_one_are_refused_as_such(act: str) -> None:
    world = synced()
    over = world.report.batches(1)[0]["batch_id"]

    with pytest.raises(NoSuchBatch, match="nothing"):
        getattr(world.control, act)("nothing")
    with pytest.raises(InvalidRequest, match="is over: completed"):
        getattr(world.control, act)(over)


@pytest.mark.parametrize("odd", ["__a__", "..", ".", "a b", "x" * 65])
def test_what_can_not_be_a_batch_id_is_no_batch(odd: str) -> None:
    world = world_with()
    for order in (world.control.cancel, world.control.pause, world.control.resume):
        with pytest.raises(NoSuchBatch):
            order(odd)
