"""How breaker and holds react to 429s, storms of errors and account faults during a sync."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.domain.batch.batch import SyncMode
from shared.domain.errors import OutcomeUnknown, QuotaKind, Unavailable
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.record import FileStatus
from shared.domain.throttle.breaker_state import CircuitState, OpenCause
from shared.domain.throttle.breaker_window import WindowEntry
from shared.domain.throttle.tiers import tier_named
from shared.domain.throttle.unmetered import Polls
from shared.gateways.database import queries
from shared.gateways.database.records import POLLS
from shared.gateways.ports import Write
from shared.services.throttle.call_gate import CallGate
from tests.file_records import document_name, is_document_failed
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    Crash,
    begun,
    breaker_now,
    come_to_task,
    deliver_at_its_time,
    denied,
    entries,
    half_open,
    in_step,
    invalid,
    later,
    lost,
    play,
    play_for,
    play_out,
    play_to,
    set_breaker,
    synced,
    throttled,
    throttled_calls,
    unavailable,
    world_with,
)
from tests.twins.imports import ImportFate
from tests.world import World, rules

TIER1 = rules(tier=tier_named("tier1"))


def many(count: int = 60) -> World:
    return world_with(*(f"{n:02d}.md" for n in range(count)), given=TIER1)


def throttle(world: World, times: int) -> None:
    for _ in range(times):
        world.gemini.fail_next("upload", throttled())


def test_the_first_429_ever_does_not_open_the_breaker() -> None:
    """The earlier system's breaker opened on the very first 429: 1 of 1 is 100 %."""
    world = many(5)
    throttle(world, 1)
    batch = begun(world)
    play(world, lambda: throttled_calls(world))

    state = breaker_now(world)
    assert state.state is CircuitState.CLOSED
    assert state.hold_until == world.clock.now() + 10 * SECOND
    assert state.learned_factor == 1.0
    assert play_out(world, batch).status == "completed"


def test_three_429s_in_a_row_open_it_and_the_trickle_is_a_third_of_the_rate() -> None:
    world = many()
    throttle(world, 3)
    batch = begun(world)
    play(world, lambda: breaker_now(world).state is CircuitState.OPEN, steps=5000)

    opened = breaker_now(world)
    assert opened.open_cause is OpenCause.THROTTLED
    assert opened.cooldown_until == world.clock.now() + 300 * SECOND
    set_breaker(world, learned_factor=1.0)
    opened_at = world.clock.now()
    play(world, lambda: world.clock.now() >= opened_at + 295 * SECOND, steps=5000)
    trickle = [at for at, _, metered in world.deliveries if metered and at > opened_at]
    assert 15 <= len(trickle) <= 33  # 295 s at 9.09 s; the hold and a tick may cost some
    gaps = [b - a for a, b in pairwise(trickle)]
    assert min(gaps) >= 9 * SECOND
    assert batch.status == "running"


def test_after_the_cooldown_three_good_probes_close_it() -> None:
    world = many()
    throttle(world, 3)
    batch = begun(world)
    play(world, lambda: breaker_now(world).state is CircuitState.OPEN, steps=5000)

    play(world, lambda: breaker_now(world).state is CircuitState.HALF_OPEN, steps=5000)
    generation = breaker_now(world).generation
    play(world, lambda: breaker_now(world).state is CircuitState.CLOSED, steps=5000)

    probes = [entry for entry in entries(world) if entry.generation == generation]
    assert [entry.throttled for entry in probes] == [False] * 3
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_one_success_in_half_open_does_not_restore_full_speed() -> None:
    """In the earlier system one success in HALF_OPEN restored full concurrency."""
    world = many(10)
    begun(world)
    world.supervise()
    half_open(world)
    metered = world.gemini.metered

    play(world, lambda: world.gemini.metered == metered + 1)

    state = breaker_now(world)
    assert (state.state, state.probe_successes) == (CircuitState.HALF_OPEN, 1)


@pytest.mark.parametrize("lost_object", [False, True], ids=["refused", "never sent"])
def test_a_probe_that_ends_without_a_result_returns_its_permit(lost_object: bool) -> None:
    """Otherwise nobody would probe until the permit expires."""
    world = many(10)
    begun(world)
    world.supervise()
    half_open(world)
    play(world, lambda: any(task.queue == "uploads" for task in world.queues.waiting))
    if lost_object:
        for info in world.bucket.list_objects(prefix="", limit=10):
            world.bucket.put(info.name, b"other content")
    else:
        world.gemini.fail_next("upload", invalid())
    task = next(task for task in world.queues.waiting if task.queue == "uploads")

    deliver_at_its_time(world, task)

    state = breaker_now(world)
    assert (state.state, state.probe_successes, state.permits) == (CircuitState.HALF_OPEN, 0, {})


def test_a_429_in_half_open_opens_it_again_for_twice_as_long() -> None:
    world = many(10)
    begun(world)
    world.supervise()
    half_open(world)
    set_breaker(world, openings=1)
    throttle(world, 1)

    play(world, lambda: breaker_now(world).state is CircuitState.OPEN)

    assert breaker_now(world).cooldown_until == world.clock.now() + 600 * SECOND


def test_a_late_429_while_open_does_not_extend_the_cooldown() -> None:
    """In the earlier system a late 429 while OPEN restarted the cooldown."""
    world = many()
    begun(world)
    world.supervise()
    until = world.clock.now() + 300 * SECOND
    set_breaker(
        world,
        state=CircuitState.OPEN,
        generation=1,
        openings=1,
        cooldown_until=until,
        hold_seconds=10.0,
    )
    throttle(world, 2)

    play(world, lambda: len(throttled_calls(world)) == 2, steps=5000)

    state = breaker_now(world)
    assert (state.state, state.cooldown_until) == (CircuitState.OPEN, until)
    assert state.hold_until is not None
    assert state.hold_until <= until


def test_429s_never_count_against_a_file() -> None:
    """The earlier system marked a throttled file failed."""
    world = many(6)
    throttle(world, 12)
    batch = begun(world)

    closed = play_out(world, batch)

    assert closed.status == "completed"
    assert closed.requests["throttled"] == 12
    assert all(f.failed_kind is None for f in world.files())
    assert in_step(world)


def test_a_storm_of_5xx_opens_the_breaker_and_uses_up_no_attempt() -> None:
    world = many(20)

    def storm(call: str) -> None:
        if call == "upload:enter":
            raise unavailable()

    world.gemini.on_call = storm
    batch = begun(world)
    play(world, lambda: breaker_now(world).state is CircuitState.OPEN, steps=5000)

    state = breaker_now(world)
    assert (state.open_cause, state.learned_factor) == (OpenCause.SERVER_ERRORS, 1.0)
    attempts = sum(f.tries.attempts for f in world.files())
    play_for(world, 4 * MINUTE)
    assert sum(f.tries.attempts for f in world.files()) == attempts
    assert [f for f in world.files() if f.status is FileStatus.FAILED] == []
    world.gemini.on_call = lambda _: None
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_connections_that_were_never_made_are_no_storm() -> None:
    world = many(8)
    for _ in range(6):
        world.gemini.fail_next("upload", Unavailable("upload"))
    batch = begun(world)

    assert play_out(world, batch).status == "completed"
    assert breaker_now(world).server_errors == ()


def test_an_account_fault_makes_a_hold_of_ten_minutes_and_every_call_waits() -> None:
    world = world_with("a.md", "b.md")
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", denied())
    world.gemini.fail_next("get_store", denied())

    world.deliver(task)

    assert world.report.breaker()["hold"] == {
        "reason": "account",
        "until": (world.clock.now() + 10 * MINUTE).isoformat(),
    }
    assert [f.tries.attempts for f in world.files()] == [0, 0]


EARLY = datetime(2020, 1, 1, tzinfo=UTC)


def test_every_metered_success_counts_in_the_window_and_costs_no_document() -> None:
    world = world_with("a.md", "b.md")
    batch = begun(world)
    play_out(world, batch)

    calls = [entry.call for entry in entries(world)]
    assert sorted(calls) == ["files.upload"] * 2 + ["import_file"] * 2
    assert world.documents.count(queries.entries_since(EARLY)) == 0


@pytest.mark.parametrize("later_by", [HOUR, 49 * HOUR], ids=["counts", "is too old"])
def test_a_success_whose_place_another_one_takes_gets_a_document_while_it_counts(
    later_by: timedelta,
) -> None:
    world = world_with()
    world.sync()
    earlier = entries(world)
    later(world, later_by)
    world.put({PATH: "changed"})
    world.sync()

    documents = world.records.query(WindowEntry, queries.latest_entries(10))

    assert len(documents) == (2 if later_by == HOUR else 0)
    assert {each.present.at for each in documents} <= {entry.at for entry in earlier}
    for each in documents:
        assert each.present.expires_at is not None
        assert each.present.expires_at - each.present.at >= 48 * HOUR
    assert len(entries(world)) == 2 + len(documents)


@pytest.mark.parametrize("count", [20, 19])
def test_many_failed_documents_lower_the_factor_though_every_reply_was_good(count: int) -> None:
    world = world_with(*(f"{n:02d}.md" for n in range(count)))
    world.gemini.fates.extend([ImportFate(document_fails=True)] * count)
    begun(world)

    play_to(world, FileStatus.IMPORTING, "00.md")
    play(world, lambda: all(map(is_document_failed, world.files())), steps=10_000)

    assert breaker_now(world).learned_factor == (0.7 if count == 20 else 1.0)


def test_a_storm_of_import_errors_opens_the_breaker_and_uses_up_no_attempt() -> None:
    world = many(30)
    storm = [True]

    def refuse(call: str) -> None:
        if call == "import_file:enter" and storm:
            raise OutcomeUnknown("gemini.import_file", code=503)

    world.gemini.on_call = refuse
    batch = begun(world)
    play_for(world, 4 * HOUR)

    assert breaker_now(world).open_cause is OpenCause.SERVER_ERRORS
    assert {file.status for file in world.files()} <= {FileStatus.UNCERTAIN, FileStatus.UPLOADED}
    assert max(file.tries.attempts for file in world.files()) < world.rules.file.max_attempts
    storm.clear()

    assert play_out(world, batch).counts["failed"] == 0
    assert in_step(world)


def test_a_429_of_an_allowance_does_not_slow_the_rate() -> None:
    world = many(5)
    for _ in range(2):
        world.gemini.fail_next("upload", throttled(quota=QuotaKind.STORAGE))
        play_out(world, begun(world))
        later(world, 2 * HOUR)
    throttle(world, 1)

    assert play_out(world, begun(world)).status == "completed"

    assert (breaker_now(world).state, breaker_now(world).generation) == (CircuitState.CLOSED, 0)
    assert len(throttled_calls(world)) == 1


def test_a_retry_after_of_months_is_capped() -> None:
    world = many(1)
    world.gemini.fail_next("upload", throttled(retry_after=200 * DAY))
    play_out(world, begun(world))
    later(world, DAY)

    assert play_out(world, begun(world)).status == "completed"
    assert in_step(world)


def test_errors_of_our_own_infrastructure_are_no_storm_of_geminis() -> None:
    world = synced("a.md")
    world.clock.advance(SECOND)
    begun(world, mode=SyncMode.RECONCILE)
    commit = world.documents.commit

    def failing(writes: Sequence[Write]) -> list[object]:
        if any("/reconcile/" in write.path for write in writes):
            raise Unavailable("commit", code=503)
        return commit(writes)

    world.documents.commit = failing  # type: ignore[method-assign]  # this world only
    for _ in range(8):
        with suppress(Unavailable):
            world.supervise()
        world.clock.advance(MINUTE)

    assert (breaker_now(world).state, breaker_now(world).server_errors) == ("closed", ())


# --- every call -------------------------------------------------------------------------------

METERED = ("upload", "import_file", "create_store")

Calls = list[tuple[str, datetime]]

Prepare = Callable[[], tuple[World, dict[str, Any]]]


def slow() -> tuple[World, dict[str, Any]]:
    world = world_with("a.md", "b.md")
    world.gemini.file_latency, world.gemini.import_latency = 5 * SECOND, 10 * SECOND
    return world, {}


def changed_and_removed() -> tuple[World, dict[str, Any]]:
    world = synced("a.md", "b.md")
    world.clock.advance(SECOND)
    world.put({PATH: "other content"})
    world.bucket.delete("b.md")
    return world, {}


def lost_a_document() -> tuple[World, dict[str, Any]]:
    world = synced("a.md", "b.md")
    world.clock.advance(SECOND)
    world.gemini.delete_document(document_name(world.file(PATH)))
    return world, {"mode": SyncMode.RECONCILE}


def lost_a_reply() -> tuple[World, dict[str, Any]]:
    world = world_with("a.md", "b.md")
    world.gemini.fail_next("import_file", lost(), after_effect=True)
    return world, {}


def lost_a_process() -> tuple[World, dict[str, Any]]:
    world = world_with("a.md", "b.md")
    world.gemini.fail_next("upload", Crash(), after_effect=True)
    return world, {}


def uploads_that_soon_expire() -> tuple[World, dict[str, Any]]:
    policy = FilePolicy(raw_reserve=3 * DAY, max_attempts=2)
    return world_with("a.md", "b.md", given=rules(file=policy)), {}


def only_asking() -> tuple[World, dict[str, Any]]:
    world = synced("a.md", "b.md")
    world.clock.advance(SECOND)
    return world, {"dry_run": True}


STORIES = (
    slow,
    changed_and_removed,
    lost_a_document,
    lost_a_reply,
    lost_a_process,
    uploads_that_soon_expire,
    only_asking,
)


def played(
    prepare: Prepare, throttled_call: int | None
) -> tuple[World, list[tuple[str, datetime]]]:
    """Play a story whose n-th unmetered call gets a 429; returns the calls with their times."""
    world, request = prepare()
    batch = begun(world, **request)
    calls: list[tuple[str, datetime]] = []

    def note(call: str) -> None:
        name, _, when = call.partition(":")
        if when == "exit" or name in METERED:
            return
        calls.append((name, world.clock.now()))
        if len(calls) - 1 == throttled_call:
            raise throttled(retry_after=77 * SECOND)

    world.gemini.on_call = note
    play_out(world, batch)
    return world, calls


@pytest.mark.parametrize("prepare", STORIES)
def test_a_429_of_any_unmetered_call_slows_such_calls_before_metered_ones(prepare: Prepare) -> None:
    """In the earlier system gets, polls and listings bypassed the breaker."""
    _, calls = played(prepare, None)
    assert calls

    for number in range(len(calls)):
        world, seen = played(prepare, number)
        name, when = seen[number]
        polls = world.records.get(Polls, POLLS).present
        assert polls.held_until == when + 77 * SECOND, f"call {number}, {name}"
        assert breaker_now(world).hold_until is None


def test_a_429_of_an_unmetered_call_holds_metered_ones_if_polls_are_slowest() -> None:
    world = world_with()
    gate = CallGate(world.context)
    for _ in range(4):
        gate.unmetered_failed(throttled(retry_after=SECOND))
        world.clock.advance(SECOND)
    assert breaker_now(world).hold_until is None

    gate.unmetered_failed(throttled(retry_after=SECOND))

    assert breaker_now(world).hold_until == world.clock.now() + SECOND
