"""A queue that was paused, and deliveries that come late, keep within the quota of each minute."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from shared.domain.errors import Unavailable
from shared.domain.file.record import FileStatus
from shared.domain.throttle.breaker_state import CircuitState
from shared.domain.throttle.late_starts import START_WAIT, Bookings
from shared.domain.throttle.tiers import tier_named
from shared.gateways.database.records import bookings_path
from shared.gateways.ports import Task, Write
from tests.rated_world import MINUTE, Delay, RatedWorld
from tests.services.story import (
    HOUR,
    PATH,
    SECOND,
    begun,
    breaker_now,
    come_to_task,
    half_open,
    in_step,
    play_out,
    set_breaker,
    world_with,
)
from tests.world import World, rules

TIER1 = rules(tier=tier_named("tier1"))
SLOWER = ("free", "tier1", "tier2")

Rated = Callable[..., RatedWorld]


@pytest.fixture
def rated() -> Iterator[Rated]:
    """Builds rated worlds with work for so many minutes, and ends their deliveries."""
    built: list[RatedWorld] = []

    def build(tier: str, minutes: float, delay: Delay = lambda _: timedelta(0)) -> RatedWorld:
        files = int(minutes * tier_named(tier).rpm / 2) + 2
        built.append(RatedWorld(tier, files, delay))
        return built[-1]

    yield build
    for world in built:
        world.close()


def sometimes(share: float, most: float, seed: int) -> Delay:
    """A delay of up to ``most`` seconds for this share of the tasks."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    return lambda _: most * chance.random() * SECOND * (chance.random() < share)


def bookings(world: World) -> list[Bookings]:
    shares = (world.records.get(Bookings, bookings_path(n)).record for n in range(40))
    return [record for record in shares if record is not None]


# --- the rate ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "seconds"),
    [(tier, seconds) for tier in SLOWER for seconds in (20, 60)] + [("tier3", 10)],
)
def test_a_queue_resumed_after_a_pause_exceeds_no_minutes_quota(
    tier: str, seconds: int, rated: Rated
) -> None:
    fastest = tier == "tier3"
    world = rated(tier, 3 if fastest else 7)
    world.play_for(0.5 * MINUTE if fastest else MINUTE)
    world.pause()
    world.play_for(seconds * SECOND)
    world.resume()
    resumed = world.stage.now()
    world.play_for((1.2 if fastest else 4) * MINUTE)

    assert world.refused == 0
    assert world.most_in_a_minute() <= world.tier.rpm
    assert world.share_of_preset(resumed) >= 0.95


def test_a_pause_longer_than_the_pump_plans_ahead_is_no_different(rated: Rated) -> None:
    world = rated("tier1", 20)
    world.play_for(2 * MINUTE)
    world.pause()
    world.play_for(10 * MINUTE)
    world.resume()
    resumed = world.stage.now()
    world.play_for(8 * MINUTE)

    assert world.refused == 0
    assert world.most_in_a_minute() <= 20
    assert world.share_of_preset(resumed) >= 0.95


@pytest.mark.parametrize("tier", SLOWER)
def test_the_rate_is_used_if_every_delivery_is_half_a_minute_late(tier: str, rated: Rated) -> None:
    world = rated(tier, 8, lambda _: 30 * SECOND)
    world.play_for(2 * MINUTE)
    begin = world.stage.now()
    world.play_for(5 * MINUTE)

    assert world.refused == 0
    assert world.most_in_a_minute() <= world.tier.rpm
    assert world.share_of_preset(begin) >= 0.98


def test_the_fastest_tiers_rate_is_used_if_every_delivery_is_half_a_minute_late(
    rated: Rated,
) -> None:
    world = rated("tier3", 2, lambda _: 30 * SECOND)
    world.play_for(0.8 * MINUTE)
    begin = world.stage.now()
    world.play_for(MINUTE)

    assert (world.refused, world.most_in_a_minute() <= 2000) == (0, True)
    assert world.share_of_preset(begin) >= 0.98


@pytest.mark.parametrize("tier", ["tier1", "tier2"])
def test_the_rate_is_used_if_deliveries_are_late_by_28_to_32_seconds(
    tier: str, rated: Rated
) -> None:
    chance = random.Random(1)  # noqa: S311 - repeatable, not secret
    world = rated(tier, 8, lambda _: (28 + 4 * chance.random()) * SECOND)
    world.play_for(2 * MINUTE)
    begin = world.stage.now()
    world.play_for(5 * MINUTE)

    assert (world.refused, world.most_in_a_minute() <= world.tier.rpm) == (0, True)
    assert world.share_of_preset(begin) >= 0.9


@pytest.mark.parametrize("tier", SLOWER)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("most", [3, 60])
def test_deliveries_late_at_random_exceed_no_minutes_quota(
    tier: str, share: float, most: float, rated: Rated
) -> None:
    for seed in range(1 if tier == "tier2" else 4):
        world = rated(tier, 7, sometimes(share, most, seed))
        world.play_for(6 * MINUTE)

        assert world.refused == 0
        assert world.most_in_a_minute() <= world.tier.rpm


def test_no_file_is_left_behind_by_giving_its_slot_back(rated: Rated) -> None:
    world = rated("tier1", 5, sometimes(0.7, 90, seed=3))

    assert world.play_out().status == "completed"
    assert world.refused == 0
    assert in_step(world.world)
    summary = world.world.report.batch(world.batch.batch_id)
    assert summary is not None
    assert (summary["indexed"], summary["requests"]["metered"]) == (52, 104)


# --- one delivery -----------------------------------------------------------------------------


def late(world: World, seconds: float = 30) -> Task:
    """The task of the only file's upload, when it is late."""
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.clock.advance(seconds * SECOND)
    return task


def test_a_sync_on_time_books_nothing(rated: Rated) -> None:
    world = rated("tier2", 1)
    world.play_out()

    assert bookings(world.world) == []
    assert breaker_now(world.world).late_starts_until is None


def test_a_delivery_on_time_reads_the_breakers_record_before_it_claims_its_file() -> None:
    world = world_with(given=TIER1)
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.clock.advance(0.4 * SECOND)
    reads, writes = world.documents.reads, world.documents.writes
    at_claim: list[tuple[int, int]] = []
    commit = world.documents.commit

    def claims(given: Sequence[Write]) -> list[object]:
        at_claim.append((world.documents.reads, world.documents.writes))
        return commit(given)

    world.documents.commit = claims  # type: ignore[method-assign,assignment]  # this world only
    world.deliver(task)

    assert at_claim[0] == (reads + 1, writes)


def test_a_late_delivery_waits_for_its_place_then_uploads() -> None:
    world = world_with(given=TIER1)
    batch = begun(world)
    task = late(world)
    began = world.clock.now()
    world.deliver(task)

    waited = world.clock.now() - began
    assert task.at is not None
    assert timedelta(0) < waited < 3.5 * SECOND
    assert (world.clock.now() - task.at) % timedelta(seconds=3.03) == timedelta(0)
    assert world.gemini.calls["upload"] == 1
    assert play_out(world, batch).status == "completed"


@pytest.mark.parametrize("change", ["cancelled", "breaker opened", "held", "done by another"])
def test_what_changes_during_the_wait_is_heeded(change: str) -> None:
    world = world_with(given=TIER1)
    batch = begun(world)
    task = late(world)
    sleep = world.clock.sleep

    def meanwhile(seconds: float) -> None:
        sleep(seconds)
        world.clock.sleep = sleep  # type: ignore[method-assign]  # this clock only
        if change == "cancelled":
            world.control.cancel(batch.batch_id)
        elif change == "breaker opened":
            cooldown = world.clock.now() + HOUR
            set_breaker(world, state=CircuitState.OPEN, generation=1, cooldown_until=cooldown)
        elif change == "held":
            set_breaker(world, hold_until=world.clock.now() + MINUTE)
        else:
            world.advance(task.payload)

    world.clock.sleep = meanwhile  # type: ignore[method-assign]  # this clock only
    outcome = world.advance(task.payload)

    if change == "done by another":
        assert (outcome, world.gemini.calls["upload"]) == ("over", 1)
    else:
        assert (outcome, world.gemini.calls["upload"]) == ("given_back", 0)


@pytest.mark.parametrize("generation", [0, 1])
def test_a_late_stale_duplicate_books_nothing(generation: int) -> None:
    world = world_with(given=TIER1)
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.deliver(task)
    world.clock.advance(MINUTE)

    stale = {**task.payload, "seq": 0, "generation": generation}
    assert world.advance(stale) in ("stale", "over")
    assert world.advance(task.payload) in ("stale", "over")
    assert bookings(world) == []


def test_two_late_deliveries_of_one_task_upload_once() -> None:
    world = world_with(given=TIER1)
    batch = begun(world)
    task = late(world)
    world.advance(task.payload)
    world.deliver(task)

    assert world.gemini.calls["upload"] == 1
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_a_delivery_gives_its_slot_back_without_booking_if_no_start_is_near() -> None:
    world = world_with(given=TIER1)
    batch = begun(world)
    task = late(world)
    far = world.clock.now() + START_WAIT + SECOND
    world.records.change(Bookings, bookings_path(0), lambda _: Bookings(far))
    tries = world.file(PATH).tries

    assert world.advance(task.payload) == "given_back"

    assert bookings(world) == [Bookings(far)]
    record = world.file(PATH)
    assert (record.status, record.tries, record.claim) == (FileStatus.PENDING, tries, None)
    assert play_out(world, batch).status == "completed"


def test_a_booking_written_after_its_time_is_made_anew() -> None:
    world = world_with(given=TIER1)
    begun(world)
    task = late(world)
    commit = world.documents.commit
    slow = [True]

    def slow_once(given: Sequence[Write]) -> list[object]:
        if slow and given[0].path == bookings_path(0):
            slow.clear()
            world.clock.advance(8 * SECOND)
        return commit(given)

    world.documents.commit = slow_once  # type: ignore[method-assign,assignment]  # this world only
    world.deliver(task)

    (record,) = bookings(world)
    assert not slow
    assert record.next_free_at == world.clock.now() + timedelta(seconds=3.03)
    assert world.gemini.calls["upload"] == 1


def test_others_that_book_at_once_cost_no_slot() -> None:
    world = world_with(given=TIER1)
    begun(world)
    task = late(world)
    first = world.clock.now() + 4 * SECOND
    commit = world.documents.commit
    racing = [True]

    def raced(given: Sequence[Write]) -> list[object]:
        if racing and given[0].path == bookings_path(0):
            racing.clear()
            world.records.change(Bookings, bookings_path(0), lambda _: Bookings(first))
        return commit(given)

    world.documents.commit = raced  # type: ignore[method-assign,assignment]  # this world only
    world.deliver(task)

    assert not racing
    assert world.clock.now() >= first
    assert world.gemini.calls["upload"] == 1


def test_a_probe_takes_its_permit_after_the_wait() -> None:
    world = world_with(given=TIER1)
    half_open(world)
    begun(world)
    task = late(world)
    permits: list[int] = []
    sleep = world.clock.sleep

    def waiting(seconds: float) -> None:
        permits.append(len(breaker_now(world).permits))
        sleep(seconds)

    world.clock.sleep = waiting  # type: ignore[method-assign]  # this clock only
    world.deliver(task)

    assert permits[0] == 0
    assert breaker_now(world).probe_successes == 1


def test_the_interval_of_an_open_breaker_is_kept() -> None:
    """A third of five a minute: places are 36 s apart, longer than any delivery waits."""
    world = world_with(*(f"{n}.md" for n in range(6)), given=rules(tier=tier_named("free")))
    cooldown = world.clock.now() + 10 * HOUR
    set_breaker(world, state=CircuitState.OPEN, generation=1, cooldown_until=cooldown)
    batch = begun(world)
    deliver = world.deliver

    def later(task: Task) -> None:
        if task.queue == "uploads":
            world.clock.advance(30 * SECOND)
        deliver(task)

    world.deliver = later  # type: ignore[method-assign]  # this world only
    assert play_out(world, batch).status == "completed"
    times = [at for at, _, metered in world.deliveries if metered]
    assert len(times) == 12
    most = max(sum(first <= at < first + MINUTE for at in times) for first in times)
    assert most <= 2


@pytest.mark.parametrize("seconds", [20, 90])
def test_an_outage_that_fails_all_deliveries_is_followed_by_no_burst(
    seconds: int, rated: Rated
) -> None:
    world = rated("tier1", 8)
    world.play_for(2 * MINUTE)
    get_all = world.world.documents.get_all

    def away(_: list[str]) -> object:
        raise Unavailable("documents.get_all")

    world.world.documents.get_all = away  # type: ignore[method-assign,assignment]  # this world
    world.play_for(seconds * SECOND)
    world.world.documents.get_all = get_all  # type: ignore[method-assign]  # it is back
    world.play_for(4 * MINUTE)

    assert world.refused == 0
    assert world.most_in_a_minute() <= 20
    assert world.play_out().status == "completed"
    assert in_step(world.world)
