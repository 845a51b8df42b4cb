"""The pump spaces metered requests at the present rate, within all limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.domain.batch.batch import Trigger
from shared.domain.file.record import FileStatus
from shared.domain.throttle.breaker_state import CircuitState
from shared.domain.throttle.tiers import tier_named
from shared.gateways.ports import QueueName
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Crash,
    batch_now,
    begun,
    cancelled,
    in_step,
    later,
    play,
    play_for,
    play_out,
    play_to,
    set_breaker,
    world_with,
)
from tests.world import World, rules

TIER1 = rules(tier=tier_named("tier1"))
"""Twenty requests a minute: one every 3.03 s."""


def files(count: int) -> list[str]:
    return [f"{n:03d}.md" for n in range(count)]


def planned(world: World) -> list[datetime]:
    return sorted(
        task.at
        for task in world.queues.waiting
        if task.queue is QueueName.UPLOADS and task.at is not None
    )


def metered_at(world: World) -> list[datetime]:
    return [at for at, _, metered in world.deliveries if metered]


def most_in_a_minute(times: list[datetime]) -> int:
    return max(sum(first <= at < first + MINUTE for at in times) for first in times)


def test_slots_are_spaced_evenly_two_ticks_ahead_after_a_gentle_start() -> None:
    world = world_with(*files(100), given=TIER1)
    begun(world)
    play(world, lambda: planned(world))

    times = planned(world)
    first, *others = (later - earlier for earlier, later in pairwise(times))
    assert times[0] - world.clock.now() == SECOND
    assert (first, set(others)) == (timedelta(seconds=6.06), {timedelta(seconds=3.03)})
    assert times[-1] - world.clock.now() <= 2 * MINUTE
    assert len(times) == 39  # at 1 s, and floor((120 - 7.06) / 3.03) + 1 from 7.06 s on


def test_workers_together_keep_the_rate_however_many_there_are() -> None:
    """In the earlier system seven workers ran at 6.9 times the configured rate."""
    world = world_with(*files(60), given=TIER1)

    world.sync()

    times = metered_at(world)
    assert len(times) == 120
    assert most_in_a_minute(times) == 20
    assert times[-1] - times[0] < timedelta(seconds=119 * 3.03) + 3 * MINUTE


def test_the_requests_of_the_next_batch_are_spaced_after_those_of_the_last() -> None:
    world = world_with(*files(10), given=TIER1)
    world.sync()
    world.put(dict.fromkeys(files(10), "new"))

    world.sync()

    times = metered_at(world)
    assert len(times) == 40
    assert min(after - before for before, after in pairwise(times)) >= timedelta(seconds=3)
    assert most_in_a_minute(times) <= 20


def test_the_rate_is_used_to_the_full_from_the_second_minute_on() -> None:
    world = world_with(*files(150), given=TIER1)
    begun(world)
    play_for(world, 8 * MINUTE)

    start = world.clock.now() - 7 * MINUTE
    assert len([at for at in metered_at(world) if at >= start]) >= 7 * 20 * 0.95


@pytest.mark.parametrize(
    ("state", "factor", "gap"),
    [
        (CircuitState.CLOSED, 1.0, 3.03),
        (CircuitState.CLOSED, 0.5, 6.06),
        (CircuitState.OPEN, 1.0, 9.09),
        (CircuitState.HALF_OPEN, 1.0, 4.545),
    ],
)
def test_the_spacing_follows_the_breaker_and_the_learned_factor(
    state: CircuitState, factor: float, gap: float
) -> None:
    world = world_with(*files(100), given=TIER1)
    begun(world)
    world.supervise()
    cooldown = world.clock.now() + HOUR if state is CircuitState.OPEN else None
    set_breaker(world, state=state, learned_factor=factor, generation=1, cooldown_until=cooldown)
    play(world, lambda: planned(world))

    times = planned(world)
    first, second = (later - earlier for earlier, later in pairwise(times[:3]))
    assert (first, second) == (timedelta(seconds=2 * gap), timedelta(seconds=gap))
    if state is CircuitState.HALF_OPEN:
        assert len(times) == 3


def test_slots_planned_before_the_breaker_changed_are_planned_again() -> None:
    world = world_with(*files(30), given=TIER1)
    batch = begun(world)
    play(world, lambda: planned(world))
    set_breaker(
        world, state=CircuitState.OPEN, generation=1, cooldown_until=world.clock.now() + HOUR
    )

    play_for(world, 10 * MINUTE)

    times = metered_at(world)
    assert most_in_a_minute(times) <= 7  # a third of twenty
    assert len(times) >= 50
    cancelled(world, batch)


def test_no_more_imports_are_in_progress_than_allowed() -> None:
    world = world_with(*files(20), given=rules(max_imports_in_progress=3))
    world.gemini.import_latency = 2 * MINUTE
    batch = begun(world)
    most = 0

    def over() -> bool:
        nonlocal most
        states = [f.status for f in world.files()]
        most = max(most, states.count(FileStatus.IMPORTING))
        return len(states) == 20 and set(states) == {FileStatus.INDEXED}

    play(world, over, steps=20_000)

    assert most == 3
    assert play_out(world, batch).status == "completed"


def test_uploads_run_at_most_so_many_raw_bytes_ahead_of_the_imports() -> None:
    world = World(rules(max_raw_bytes=1000, max_imports_in_progress=2))
    world.put(dict.fromkeys(files(8), "x" * 400))
    world.gemini.import_latency = MINUTE
    batch = begun(world)
    most = 0

    def over() -> bool:
        nonlocal most
        raw = (FileStatus.UPLOADING, FileStatus.UPLOADED, FileStatus.IMPORTING)
        states = [f.status for f in world.files()]
        most = max(most, sum(400 for state in states if state in raw))
        return len(states) == 8 and set(states) == {FileStatus.INDEXED}

    play(world, over, steps=20_000)

    assert most <= 1000
    assert play_out(world, batch).status == "completed"


def test_a_file_larger_than_the_limit_on_raw_bytes_is_still_uploaded() -> None:
    world = World(rules(max_raw_bytes=100))
    world.put({"a.md": "x" * 400, "b.md": "small"})

    assert world.sync()["indexed"] == 2


def test_a_daily_quota_is_never_exceeded_and_the_rest_goes_on_the_next_day() -> None:
    tier = replace(tier_named("tier3"), rpd=10)
    world = world_with(*files(8), given=rules(tier=tier, batch_max_age=HOUR))
    batch = begun(world)

    closed = play_out(world, batch)

    assert closed.status == "deferred"
    assert world.gemini.metered == 10
    world.clock.advance(SECOND)
    later(world, DAY)
    assert world.sync()["status"] == "completed"
    assert world.gemini.metered == 16
    assert in_step(world)


def test_a_load_of_three_days_reports_what_is_left_and_continues_each_day() -> None:
    tier = replace(tier_named("tier3"), rpd=20)
    world = world_with(*files(25), given=rules(tier=tier))
    told = []
    for _ in range(3):
        batch = begun(world, trigger=Trigger.SCHEDULER)
        play(world, lambda: world.gemini.metered % 20 == 6)
        running = world.report.batch(batch.batch_id)
        assert running is not None
        closed = play_out(world, batch)
        told.append(
            (closed.status.value, closed.counts["indexed"], running["progress"]["tomorrow"])
        )
        if running["progress"]["tomorrow"]:
            left = running["progress"]["tomorrow"]
            assert f"{left} files will go on tomorrow" in running["message"]
            assert f"{left} files are left" in closed.message
            assert "(day)" in closed.message
        later(world, DAY)

    assert told == [("deferred", 10, 15), ("deferred", 10, 5), ("completed", 5, 0)]
    assert world.gemini.metered == 50
    assert in_step(world)


def test_files_begun_within_a_daily_quota_are_finished_within_it() -> None:
    tier = replace(tier_named("tier3"), rpd=11)
    world = world_with(*files(30), given=rules(tier=tier))

    summary = world.sync()

    assert (summary["status"], summary["indexed"]) == ("deferred", 5)
    assert world.gemini.metered == 11
    later(world, DAY)
    assert world.sync()["indexed"] == 6, "the one whose upload had been made, and five more"


def test_a_closed_batch_reports_no_files_for_tomorrow() -> None:
    tier = replace(tier_named("tier3"), rpd=20)
    world = world_with(*files(12), given=rules(tier=tier))
    batch = begun(world)
    play(world, lambda: world.gemini.metered == 6)
    assert batch_now(world, batch).tomorrow == 2
    closed = play_out(world, batch)
    assert closed.status == "deferred"
    summary = world.report.batch(batch.batch_id)
    assert summary is not None
    assert summary["progress"]["tomorrow"] == 0


def test_a_crash_after_the_slots_were_saved_assigns_none_twice() -> None:
    world = world_with(*files(60), given=TIER1)
    batch = begun(world)
    uploads: dict[str, datetime] = {}

    def dies(call: str) -> None:
        uploads.update({t.id: t.at for t in world.queues.waiting if t.queue == "uploads" and t.at})
        if call == "create:enter" and len(uploads) == 5:
            world.queues.on_call = note
            raise Crash

    def note(_: str) -> None:
        uploads.update({t.id: t.at for t in world.queues.waiting if t.queue == "uploads" and t.at})

    world.queues.on_call = dies
    play_out(world, batch)

    assert world.queues.on_call is note
    slots = sorted(uploads.values())
    assert len(slots) > 60
    assert min(later - earlier for earlier, later in pairwise(slots)) >= MINUTE / 20
    assert most_in_a_minute(metered_at(world)) <= 21
    assert in_step(world)


def test_no_burst_follows_a_pause() -> None:
    world = world_with(*files(60), given=TIER1)
    batch = begun(world)
    play_to(world, FileStatus.INDEXED, "000.md")
    for task in world.queues.waiting:
        world.queues.acknowledge(task)
    later(world, HOUR)
    stopped = world.clock.now()

    play_out(world, batch)

    assert most_in_a_minute([at for at in metered_at(world) if at >= stopped]) <= 20
    assert in_step(world)


@pytest.mark.parametrize("large", [0, 60])
def test_a_days_quota_is_used_to_its_last_request_and_leaves_no_upload_without_import(
    large: int,
) -> None:
    """The large files, which don't fit into the store, come before the small ones."""
    tier = replace(tier_named("tier1"), rpd=40, storage_bytes=3_000_000)
    world = World(rules(tier=tier))
    world.put({f"a-{n:02d}.md": "x" * 1_500_000 for n in range(large)})
    world.put({f"b-{n:02d}.md": f"small {n}" for n in range(40)})

    summary = world.sync()

    assert (summary["status"], summary["indexed"]) == ("deferred", 20)
    assert (world.gemini.calls["upload"], world.gemini.imports) == (20, 20)


@pytest.mark.parametrize("bound", [{"max_imports_in_progress": 1}, {"max_raw_bytes": 10}])
def test_uploads_whose_processes_died_do_not_wait_for_each_other(bound: dict[str, Any]) -> None:
    """As many files as may lie uploaded, each interrupted in its upload."""
    world = world_with(*files(6), given=rules(**bound))
    dead: list[str] = []
    dying = 4 if "max_imports_in_progress" in bound else 1

    def die(call: str) -> None:
        if call == "upload:enter" and len(dead) < dying:
            dead.append(call)
            raise Crash

    world.gemini.on_call = die
    batch = begun(world)
    play(world, lambda: len(dead) == dying)
    for task in world.queues.waiting:
        world.queues.acknowledge(task)  # lost as well

    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_after_a_gap_slots_lie_where_a_late_delivery_of_an_earlier_one_would_start() -> None:
    world = world_with(*files(90), given=TIER1)
    begun(world)
    play(world, lambda: bool(planned(world)))
    before = planned(world)
    later(world, 4 * MINUTE + 1.7 * SECOND)

    world.supervise()  # no delivery has come meanwhile

    after = [at for at in planned(world) if at not in before]
    steps = [(at - before[0]) / (3.03 * SECOND) for at in after]
    assert after
    assert steps == pytest.approx([round(step) for step in steps])
