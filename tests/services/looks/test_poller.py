"""The poller: many files in one run, each on its own; a lost, late or doubled run does no harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.errors import GatewayError, Unavailable
from shared.domain.file.ledger import ImportState
from shared.domain.file.record import FileRecord, FileStatus
from shared.domain.throttle.tiers import tier_named
from shared.domain.throttle.unmetered import FLOOR, Polls
from shared.gateways.at_once import NO_ANSWER
from shared.gateways.database import queries
from shared.gateways.database.records import POLLS, file_path, operation_path
from shared.gateways.ports import Delete
from shared.log_labels import labels
from shared.services.looks.poller import MOST_FILES, RunOutcome
from tests.services.story import (
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    Crash,
    batch_now,
    begun,
    breaker_now,
    come_to_look,
    denied,
    in_step,
    later,
    operations,
    play,
    play_out,
    play_to,
    runs,
    synced,
    throttled,
    world_with,
)
from tests.world import World, rules

MANY = [f"{number:02}.md" for number in range(40)]


def polls_now(world: World) -> Polls:
    return world.records.get(Polls, POLLS).record or Polls()


def set_polls(world: World, **changes: Any) -> None:
    world.records.change(Polls, POLLS, lambda stored: replace(stored.record or Polls(), **changes))


def all_importing(*paths: str) -> tuple[World, Any]:
    """A world in which these files' imports are done, and nobody has looked since."""
    world = world_with(*paths)
    batch = begun(world)
    world.gemini.import_latency = 3 * MINUTE
    play(world, lambda: [f.status for f in world.files()] == [FileStatus.IMPORTING] * len(paths))
    lose_runs(world)
    later(world, 4 * MINUTE)
    return world, batch


def lose_runs(world: World) -> None:
    for task in runs(world):
        world.queues.acknowledge(task)


def run(world: World, batch: Any) -> Any:
    """Deliver a task of the poller now."""
    return world.look({"schema": 1, "batch": batch.batch_id})


def answering(world: World, answer: Callable[[str], Exception | None]) -> Any:
    """Calls at once, of which those fail that ``answer`` says, by the name of their file."""

    def at_once(calls: Sequence[Callable[[], Any]], within: timedelta) -> list[Any]:
        assert within > timedelta()
        files = world.records.query(FileRecord, queries.to_look_at(world.clock.now(), MOST_FILES))
        paths = [each.present.path for each in files]
        errors = [answer(path) for path in paths] if len(paths) == len(calls) else []
        errors += [None] * (len(calls) - len(errors))
        return [error or call() for call, error in zip(calls, errors, strict=True)]

    return at_once


# --- one run ----------------------------------------------------------------------------------


def test_one_run_finishes_many_files_with_a_few_commits() -> None:
    world, batch = all_importing(*MANY)
    sizes: list[int] = []
    commit = world.documents.commit

    def counted(writes: Sequence[Any]) -> list[object]:
        sizes.append(len(writes))
        return commit(writes)

    world.documents.commit = counted  # type: ignore[method-assign]  # this world only

    assert run(world, batch).looked_at == len(MANY)

    assert {file.status for file in world.files()} == {FileStatus.INDEXED}
    assert {entry.state for entry in operations(world)} == {ImportState.SUCCEEDED}
    assert sizes == [1, len(MANY), 1]  # the claim, the files, its end
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_a_file_without_a_look_due_is_not_read() -> None:
    world = world_with()
    world.gemini.import_latency = HOUR / 2
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    looks = world.gemini.calls["get_operation"]

    assert run(world, batch).looked_at == 0
    assert world.gemini.calls["get_operation"] == looks


def test_no_delivery_sleeps() -> None:
    """Time in a delivery is billed, whatever it waits for."""
    world = world_with(*MANY[:5])
    world.gemini.file_latency, world.gemini.import_latency = 7 * SECOND, 40 * SECOND
    slept: list[float] = []
    world.clock.sleep = slept.append  # type: ignore[assignment]  # this world only
    batch = begun(world)

    assert play_out(world, batch).status == "completed"

    assert sum(slept) < 0.5
    assert in_step(world)


@pytest.mark.parametrize("tier", ["free", "tier1", "tier2", "tier3"])
def test_files_that_are_due_about_the_same_time_share_one_task(tier: str) -> None:
    world = world_with(given=rules(tier=tier_named(tier)))
    batch, now = begun(world), world.clock.now()
    grid = world.rules.look_grid

    for second in range(30):
        world.context.wake_poller(batch.batch_id, [now + second * SECOND])

    times = [task.at for task in runs(world)]
    assert len(times) == len(set(times)) <= 30 * SECOND / grid + 1
    assert all(at is not None and at > now for at in times)


# --- each file on its own -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("gemini.look", status=NO_ANSWER),
        Unavailable("gemini.get_operation", code=503),
        LookupError("a defect"),
    ],
    ids=["hangs", "503", "raises"],
)
def test_a_look_that_fails_costs_its_own_file_alone_a_turn(error: Exception) -> None:
    world, batch = all_importing("a.md", "b.md", "c.md")
    failing = [True]
    world.use(
        replace(
            world.context,
            at_once=answering(world, lambda path: error if failing and path == "b.md" else None),
        )
    )
    run(world, batch)
    failing.clear()

    statuses = {file.path: file.status for file in world.files()}
    assert statuses == {
        "a.md": FileStatus.INDEXED,
        "b.md": FileStatus.IMPORTING,
        "c.md": FileStatus.INDEXED,
    }
    file = world.file("b.md")
    assert file.tries.errors_in_a_row == 1
    assert file.schedule.look_at is not None
    assert file.schedule.look_at > world.clock.now()
    assert play_out(world, batch).status == "completed"
    assert world.gemini.imports == 3
    assert in_step(world)


def test_what_is_logged_during_a_look_names_its_batch_file_and_step() -> None:
    world, batch = all_importing(PATH)
    seen: list[Mapping[str, str]] = []
    world.gemini.on_call = lambda _: seen.append(labels())

    run(world, batch)

    assert {each["step"] for each in seen} == {"await_import"}
    assert {(each["batch"], each["file"]) for each in seen} == {(batch.batch_id, PATH)}


def test_a_look_that_was_given_up_makes_no_more_requests() -> None:
    """Its thread goes on when its request ends at last, and another look may have begun."""
    world, batch = all_importing("a.md")
    left_behind: list[Callable[[], Any]] = []

    def at_once(calls: Sequence[Callable[[], Any]], within: timedelta) -> list[Any]:
        assert within
        left_behind.extend(calls)
        return [Unavailable("gemini.look", status=NO_ANSWER) for _ in calls]

    context = world.context
    world.use(replace(context, at_once=at_once))
    run(world, batch)
    world.use(context)
    made = sum(world.gemini.calls.values())

    for call in left_behind:
        call()

    assert sum(world.gemini.calls.values()) == made
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_a_file_that_changes_during_its_look_is_looked_at_again_and_the_others_are_written() -> (
    None
):
    world, batch = all_importing(*MANY[:5])
    path = MANY[2]

    def touch(call: str) -> None:
        if call == "delete_file:enter" and world.file(path).tries.attempts != 2:
            world.records.change(
                FileRecord,
                file_path(path),
                lambda stored: replace(
                    stored.present, tries=replace(stored.present.tries, attempts=2)
                ),
            )

    world.gemini.on_call = touch
    run(world, batch)

    left = [file.path for file in world.files() if file.status is not FileStatus.INDEXED]
    assert left == [path]
    (entry,) = [each for each in operations(world) if each.path == path]
    assert entry.state is ImportState.SENT
    assert play_out(world, batch).status == "completed"
    assert world.gemini.imports == 5
    assert in_step(world)


def test_the_result_of_an_earlier_attempt_is_not_believed() -> None:
    """The poller was paused after its look, and the file was imported again meanwhile."""
    world, batch = all_importing("a.md")
    first = world.file(PATH).import_call

    def give_up(call: str) -> None:
        if call == "delete_file:enter" and world.file(PATH).import_call == first:
            world.gemini.on_call = lambda _: None
            again = replace(first, operation=None) if first else None
            world.records.change(
                FileRecord,
                file_path(PATH),
                lambda stored: replace(
                    stored.present,
                    working=replace(stored.present.working, import_call=again),  # type: ignore[type-var]
                ),
            )

    world.gemini.on_call = give_up
    run(world, batch)

    file = world.file(PATH)
    assert (file.status, file.current) == (FileStatus.IMPORTING, None)
    assert file.import_call is not None
    assert file.import_call.operation is None


def test_an_expired_entry_of_the_ledger_keeps_no_file_from_its_end() -> None:
    world, batch = all_importing("a.md", "b.md")
    call = world.file(PATH).import_call
    assert call is not None
    world.documents.commit([Delete(operation_path(call.id))])

    run(world, batch)

    assert {file.status for file in world.files()} == {FileStatus.INDEXED}
    assert [entry.path for entry in operations(world)] == ["b.md"]


def test_an_old_document_is_deleted_in_the_same_run_after_the_record_says_so() -> None:
    world = synced()
    old = world.file(PATH).current_document
    world.put({PATH: "better content"})
    batch = begun(world)
    world.gemini.import_latency = 3 * MINUTE
    play_to(world, FileStatus.IMPORTING)
    lose_runs(world)
    later(world, 4 * MINUTE)
    said: list[tuple[str, ...]] = []

    def note(call: str) -> None:
        if call == "delete_document:enter":
            said.append(world.file(PATH).stale_documents)

    world.gemini.on_call = note
    run(world, batch)

    assert said == [(old,)]
    assert world.file(PATH).status is FileStatus.INDEXED
    assert in_step(world)


# --- a run that is lost, late or doubled ---------------------------------------------------------


@pytest.mark.parametrize("how", ["lost", "crash"])
@pytest.mark.parametrize("status", [FileStatus.UPLOADED, FileStatus.IMPORTING])
def test_a_dead_poller_is_replaced_within_a_minute_or_so(how: str, status: FileStatus) -> None:
    world = world_with()
    world.gemini.file_latency = world.gemini.import_latency = MINUTE
    batch = begun(world)
    task = come_to_look(world, status)
    if how == "crash":
        world.gemini.fail_next(
            "get_file" if status is FileStatus.UPLOADED else "get_operation", Crash()
        )
        with pytest.raises(Crash):
            world.deliver(task)
    lose_runs(world)
    died = world.clock.now()

    play(world, lambda: world.file(PATH).status is not status or not_looked(world, died))

    assert world.clock.now() - died <= 100 * SECOND
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def not_looked(world: World, since: datetime) -> bool:
    look_at = world.file(PATH).schedule.look_at
    return look_at is None or look_at > since


def test_a_run_that_meets_a_claim_leaves_and_comes_again_when_the_claim_ends() -> None:
    world, batch = all_importing("a.md")
    until = world.clock.now() + 20 * SECOND
    set_polls(world, claim_id="another", claimed_until=until)

    assert run(world, batch).outcome is RunOutcome.BUSY

    assert world.file(PATH).status is FileStatus.IMPORTING
    (task,) = runs(world)
    assert task.at is not None
    assert until <= task.at <= until + world.rules.look_grid
    assert play_out(world, batch).status == "completed"


def test_two_runs_at_once_look_at_many_files_once() -> None:
    world, batch = all_importing(*MANY)
    outcomes: list[RunOutcome] = []

    def second(call: str) -> None:
        if call == "get_operation:enter" and not outcomes:
            outcomes.append(RunOutcome.DONE)
            outcomes.append(run(world, batch).outcome)

    world.gemini.on_call = second
    run(world, batch)

    assert outcomes[1] is RunOutcome.BUSY
    assert world.gemini.calls["delete_file"] == len(MANY)
    assert polls_now(world).claim_id is None
    assert play_out(world, batch).status == "completed"


def test_a_run_gives_its_claim_back_and_a_crashed_one_keeps_it_for_a_while_only() -> None:
    world, batch = all_importing(*MANY)
    world.gemini.fail_next("get_operation", Crash())
    with pytest.raises(Crash):
        run(world, batch)
    assert run(world, batch).outcome is RunOutcome.BUSY

    world.clock.advance(MINUTE)

    assert run(world, batch).outcome is RunOutcome.DONE
    assert polls_now(world).claimed_until is None


def test_more_files_than_the_rate_allows_are_looked_at_in_several_runs() -> None:
    world, batch = all_importing(*MANY)
    tier = replace(tier_named("tier3"), unmetered_rpm=600)
    world.use(world.context_with(tier=tier))

    assert run(world, batch).looked_at == 10  # 20 requests in 2 seconds

    (task,) = runs(world)
    assert task.at is not None
    assert task.at <= world.clock.now() + world.rules.look_grid
    assert play_out(world, batch).status == "completed"


def test_a_task_of_an_older_version_leaves_its_file_to_the_poller() -> None:
    world, batch = all_importing("a.md")
    record = world.file(PATH)
    world.records.change(
        FileRecord,
        file_path(PATH),
        lambda stored: replace(
            stored.present,
            schedule=replace(stored.present.schedule, look_at=None, overdue_at=None),
        ),
    )
    payload = {"schema": 1, "path": PATH, "batch": batch.batch_id, "generation": 0}

    assert world.advance({**payload, "seq": record.schedule.seq}) == "done"

    assert world.file(PATH).schedule.look_at == world.clock.now()
    assert len(runs(world)) == 1
    assert play_out(world, batch).status == "completed"


# --- the service's rate ---------------------------------------------------------------------------


def test_a_429_slows_the_polls_and_holds_no_metered_request() -> None:
    world, batch = all_importing("a.md")
    world.gemini.fail_next("get_operation", throttled(retry_after=30 * SECOND))

    run(world, batch)

    polls = polls_now(world)
    assert polls.share == 0.5
    assert polls.held_until == world.clock.now() + 30 * SECOND
    assert breaker_now(world).hold_until is None
    assert run(world, batch).outcome is RunOutcome.BUSY
    assert play_out(world, batch).status == "completed"
    assert polls_now(world).share > 0.5


def test_a_429_holds_metered_requests_if_the_polls_cannot_be_slower() -> None:
    world, batch = all_importing("a.md")
    set_polls(world, share=FLOOR)
    world.gemini.fail_next("get_operation", throttled(retry_after=30 * SECOND))

    run(world, batch)

    assert breaker_now(world).hold_until == world.clock.now() + 30 * SECOND
    assert play_out(world, batch).status == "completed"


def test_many_429s_of_one_run_cut_the_rate_once() -> None:
    world, batch = all_importing(*MANY)
    for _ in MANY:
        world.gemini.fail_next("get_operation", throttled())

    run(world, batch)

    assert polls_now(world).share == 0.5
    assert play_out(world, batch).requests["throttled"] == len(MANY)


def test_nothing_is_asked_in_vain_of_a_refused_account_once_its_batch_is_over() -> None:
    world, batch = all_importing("a.md")
    errors: list[GatewayError] = [denied() for _ in range(2)]
    for call, error in zip(("get_operation", "get_store"), errors, strict=True):
        world.gemini.fail_next(call, error)
    world.control.cancel(batch.batch_id)
    assert batch_now(world, batch).status.is_terminal
    lose_runs(world)

    run(world, batch)

    assert runs(world) == []
    later(world, HOUR)
    assert world.sync()["status"] == "completed"
    assert world.gemini.imports == 1
    assert in_step(world)


def test_a_run_for_an_unknown_batch_does_nothing() -> None:
    world, _ = all_importing("a.md")
    unknown = "20200101T000000Z-000000"
    calls = sum(world.gemini.calls.values())

    assert world.look({"schema": 1, "batch": unknown}).looked_at == 0
    assert sum(world.gemini.calls.values()) == calls
