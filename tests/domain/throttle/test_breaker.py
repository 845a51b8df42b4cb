from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from shared.domain.throttle.breaker import (
    Permit,
    Proceed,
    Wait,
    admit,
    held_until,
    is_stale,
    on_other_error,
    on_server_error,
    on_success,
    on_throttled,
    on_tick,
    on_unmetered_throttled,
    slowdown,
)
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.breaker_state import (
    BreakerState,
    CircuitState,
    IllegalStateChange,
    OpenCause,
    change_state,
)
from shared.domain.throttle.breaker_window import EntryOutcome, WindowEntry, window_entry
from shared.domain.throttle.learned_factor import on_document_failed
from shared.domain.time_scale import scaled
from tests.domain.throttle.windows import entries

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
POLICY = BreakerPolicy()
NEW = BreakerState()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def window(newest_first: str, *, generation: int = 0) -> list[WindowEntry]:
    """Entries, one a second, the newest made at START."""
    return entries(newest_first, START, generation=generation)


def throttled(
    state: BreakerState,
    newest_first: str = "t",
    *,
    seconds: float = 0,
    retry_after: float | None = None,
) -> BreakerState:
    wish = None if retry_after is None else timedelta(seconds=retry_after)
    entries = window(newest_first, generation=state.generation)
    permit = Permit(state.generation)
    after = on_throttled(state, entries, permit, at(seconds), POLICY, retry_after=wish)
    assert after is not None
    return after


def look_throttled(
    state: BreakerState, *, seconds: float, retry_after: float | None = None
) -> BreakerState | None:
    wish = None if retry_after is None else timedelta(seconds=retry_after)
    permit = Permit(state.generation)
    return on_unmetered_throttled(state, permit, at(seconds), POLICY, retry_after=wish)


def admitted(state: BreakerState, name: str, *, seconds: float) -> tuple[Permit, BreakerState]:
    answer = admit(state, at(seconds), name, POLICY)
    assert isinstance(answer, Proceed)
    return answer.permit, answer.state or state


def probing(seconds: float, *names: str) -> BreakerState:
    """A breaker that opened at START and lets these probes through after its cooldown."""
    state = OPEN
    for name in names:
        _, state = admitted(state, name, seconds=seconds)
    return state


OPEN = throttled(NEW, "ttt")  # at START, generation 1, held to 10 s, cooling down to 300 s


# ------------------------------------------------------------------ opening


def test_the_first_429_ever_holds_and_changes_nothing_else() -> None:
    after = throttled(NEW, "t")

    assert after == BreakerState(hold_until=at(10), hold_seconds=10, updated_at=START)


@pytest.mark.parametrize("newest_first", ["tst", "tt", "t" + "s" * 20 + "t" + "s" * 20 + "tt"])
def test_a_429_that_does_not_open_it_only_holds(newest_first: str) -> None:
    after = throttled(NEW, newest_first)

    assert after == BreakerState(hold_until=at(10), hold_seconds=10, updated_at=START)


def test_five_429s_among_the_latest_hundred_open_it() -> None:
    scattered = "t" + "s" * 30 + "t" + "s" * 30 + "t" + "s" * 30 + "t"

    assert throttled(NEW, scattered + "sss" + "s").state is CircuitState.CLOSED
    assert throttled(NEW, scattered + "sss" + "t").state is CircuitState.OPEN


def test_a_429_that_has_left_the_window_counts_no_longer() -> None:
    four = "tstststs"

    assert throttled(NEW, four + "s" * 91 + "t").state is CircuitState.OPEN
    assert throttled(NEW, four + "s" * 92 + "t").state is CircuitState.CLOSED


@pytest.mark.parametrize(
    ("newest_first", "opens"), [("ttt", True), ("tttsss", True), ("tt", False), ("ttst", False)]
)
def test_three_429s_in_a_row_open_it(newest_first: str, opens: bool) -> None:
    assert (throttled(NEW, newest_first).state is CircuitState.OPEN) is opens


def test_429s_of_an_earlier_generation_do_not_count() -> None:
    recovered = replace(NEW, generation=3)
    entries = window("t", generation=3) + window("tttttt", generation=0)

    after = on_throttled(recovered, entries, Permit(3), START, POLICY)

    assert after is not None
    assert after.state is CircuitState.CLOSED


def test_opening_starts_a_cooldown_a_hold_and_a_generation() -> None:
    assert OPEN.cooldown_until == at(300)
    assert OPEN.cooldown_seconds == 300
    assert OPEN.hold_until == at(10)
    assert OPEN.generation == 1
    assert OPEN.openings == 1
    assert OPEN.opened_at == START
    assert OPEN.open_cause is OpenCause.THROTTLED


@pytest.mark.parametrize(
    ("retry_after", "hold", "cooldown"),
    [(30, 30, 300), (400, 400, 400), (0, 10, 300), (-5, 10, 300), (10**9, 86_400, 86_400)],
    ids=["shorter", "longer wins", "none", "nonsense", "no more than a day"],
)
def test_retry_after_sets_the_hold_and_stretches_the_cooldown(
    retry_after: float, hold: float, cooldown: float
) -> None:
    after = throttled(NEW, "ttt", retry_after=retry_after)

    assert (after.hold_until, after.cooldown_until) == (at(hold), at(cooldown))


def test_opening_keeps_a_longer_hold_that_stands() -> None:
    held = throttled(NEW, "t", retry_after=60)

    assert throttled(held, "ttt", seconds=1).hold_until == at(60)


def test_a_429_that_does_not_open_holds_for_its_retry_after() -> None:
    assert throttled(NEW, "t", retry_after=25).hold_until == at(25)


def test_a_429_during_a_hold_extends_it_only_by_a_longer_retry_after() -> None:
    held = throttled(NEW, "t")

    assert on_throttled(held, window("tt"), Permit(0), at(2), POLICY) is None
    assert throttled(held, "tt", seconds=2, retry_after=20).hold_until == at(22)


@pytest.mark.parametrize("retry_after", [None, 25.0])
def test_a_429_of_an_unmetered_call_holds_metered_ones_and_changes_nothing_else(
    retry_after: float | None,
) -> None:
    after = look_throttled(NEW, seconds=0, retry_after=retry_after)

    assert after is not None
    assert after.hold_until == at(retry_after or 10)
    assert replace(after, hold_until=None, hold_seconds=0, updated_at=None) == NEW
    assert look_throttled(after, seconds=2, retry_after=None) is None


# --------------------------------------------------------------------- open


def test_a_hold_makes_callers_wait_whatever_the_state() -> None:
    for state in (throttled(NEW, "t"), OPEN):
        assert admit(state, at(9.9), "a", POLICY) == Wait(at(10))
        assert held_until(state, at(9.9)) == at(10)
        assert held_until(state, at(10)) is None


def test_open_lets_calls_trickle_after_the_hold_without_a_write() -> None:
    assert admit(OPEN, at(10), "a", POLICY) == Proceed(Permit(1))


def test_a_late_429_neither_restarts_the_cooldown_nor_renews_the_hold() -> None:
    late = Permit(generation=0)

    assert is_stale(OPEN, late, at(200))
    assert on_throttled(OPEN, window("tttt"), late, at(200), POLICY) is None


def test_429s_in_a_row_double_the_hold_of_the_trickle_up_to_the_cooldowns_end() -> None:
    state = OPEN
    holds = []
    for seconds in (20, 41, 82, 163):
        state = throttled(state, "tttt", seconds=seconds)
        holds.append(state.hold_until)

    assert holds == [at(40), at(81), at(162), at(300)]
    assert state.cooldown_until == at(300)
    assert (state.generation, state.openings) == (1, 1)


def test_in_the_trickle_a_longer_retry_after_is_obeyed_but_the_cooldown_stays() -> None:
    state = throttled(OPEN, "tttt", seconds=290, retry_after=60)

    assert (state.hold_until, state.cooldown_until) == (at(350), at(300))
    assert admit(state, at(301), "a", POLICY) == Wait(at(350))


def test_a_success_in_the_trickle_ends_the_doubling() -> None:
    state = throttled(throttled(OPEN, "tt", seconds=20), "ttt", seconds=41)

    assert state.hold_until == at(81)
    assert throttled(state, "tsttt", seconds=82).hold_until == at(92)


def test_a_429_after_the_cooldown_that_no_tick_has_seen_still_counts() -> None:
    state = throttled(OPEN, "t" * 5, seconds=301)

    assert (state.hold_until, state.learned_factor) == (at(301), 0.49)


# ---------------------------------------------------------------- half open


def test_whoever_asks_after_the_cooldown_gets_the_first_probe() -> None:
    assert admit(OPEN, at(299.9), "a", POLICY) == Proceed(Permit(1))

    permit, state = admitted(OPEN, "a", seconds=300)

    assert permit == Permit(generation=2, probe_id="a")
    assert (state.state, state.generation) == (CircuitState.HALF_OPEN, 2)
    assert state.permits == {"a": at(900)}
    assert state.cooldown_until is None


def test_no_more_than_three_probes_pass() -> None:
    assert admit(probing(300, "a", "b", "c"), at(301), "d", POLICY) == Wait(at(311))


def test_a_good_probe_makes_no_room_for_a_fourth() -> None:
    state = probing(300, "a", "b", "c")
    state = on_success(state, Permit(2, "a"), at(302), POLICY) or state

    assert (state.state, state.probe_successes) == (CircuitState.HALF_OPEN, 1)
    assert isinstance(admit(state, at(303), "d", POLICY), Wait)


def test_a_redelivered_probe_keeps_its_permit() -> None:
    assert admit(probing(300, "a", "b", "c"), at(301), "b", POLICY) == Proceed(Permit(2, "b"))


def test_one_success_does_not_restore_and_all_three_do() -> None:
    state = probing(300, "a", "b", "c")
    seen = []
    for name in ("c", "a", "b"):
        state = on_success(state, Permit(2, name), at(302), POLICY) or state
        seen.append((state.state, state.generation, state.probe_successes))

    assert seen == [
        (CircuitState.HALF_OPEN, 2, 1),
        (CircuitState.HALF_OPEN, 2, 2),
        (CircuitState.CLOSED, 3, 0),
    ]
    assert state.permits == {}
    assert state.openings == 0


def test_after_recovery_the_window_is_empty() -> None:
    state = replace(NEW, generation=3)
    entries = window("t", generation=3) + window("sss", generation=2) + window("tttt", generation=1)

    after = on_throttled(state, entries, Permit(3), START, POLICY)

    assert after is not None
    assert after.state is CircuitState.CLOSED


def test_one_throttled_probe_reopens_and_later_probes_are_stale() -> None:
    state = probing(300, "a", "b")

    after = on_throttled(
        state, window("t", generation=2), Permit(2, "a"), at(301), POLICY, retry_after=None
    )

    assert after is not None
    assert (after.state, after.generation, after.openings) == (CircuitState.OPEN, 3, 2)
    assert (after.cooldown_until, after.cooldown_seconds) == (at(901), 600)
    assert after.permits == {}
    assert is_stale(after, Permit(2, "b"), at(302))
    assert on_success(after, Permit(2, "b"), at(302), POLICY) is None


def test_a_throttled_poll_does_not_reopen_it() -> None:
    after = look_throttled(probing(300, "a"), seconds=301)

    assert after is not None
    assert (after.state, after.hold_until) == (CircuitState.HALF_OPEN, at(311))
    assert look_throttled(after, seconds=302) is None


def test_a_throttled_poll_while_open_holds_and_leaves_the_cooldown_alone() -> None:
    after = look_throttled(OPEN, seconds=200)

    assert after is not None
    assert (after.state, after.generation) == (CircuitState.OPEN, OPEN.generation)
    assert (after.cooldown_until, after.hold_until) == (OPEN.cooldown_until, at(210))


def test_a_late_429_of_a_poll_changes_nothing() -> None:
    late = Permit(generation=0)

    assert on_unmetered_throttled(OPEN, late, at(20), POLICY) is None


def test_each_reopening_doubles_the_cooldown_up_to_an_hour() -> None:
    state, seconds, cooldowns = OPEN, 0.0, [OPEN.cooldown_seconds]
    for _ in range(5):
        seconds += state.cooldown_seconds
        permit, state = admitted(state, "a", seconds=seconds)
        state = on_throttled(state, [], permit, at(seconds), POLICY) or state
        cooldowns.append(state.cooldown_seconds)

    assert cooldowns == [300, 600, 1200, 2400, 3600, 3600]


def test_any_number_of_openings_can_be_counted() -> None:
    worn = replace(NEW, openings=100_000)

    assert throttled(worn, "ttt").cooldown_until == at(3600)


def test_another_error_gives_the_permit_back() -> None:
    state = on_other_error(probing(300, "a", "b", "c"), Permit(2, "b"), at(301))

    assert state is not None
    assert state.permits == {"a": at(900), "c": at(900)}
    assert isinstance(admit(state, at(302), "d", POLICY), Proceed)


def test_an_expired_permit_is_given_back_and_its_success_is_stale() -> None:
    state = probing(300, "a", "b", "c")

    assert admit(state, at(899), "d", POLICY) == Wait(at(900))
    _, later = admitted(state, "d", seconds=900)

    assert later.permits == {"d": at(1500)}
    assert is_stale(state, Permit(2, "a"), at(900))
    assert on_success(state, Permit(2, "a"), at(900), POLICY) is None


def test_a_probes_success_counts_once() -> None:
    state = on_success(probing(300, "a", "b"), Permit(2, "a"), at(301), POLICY)

    assert state is not None
    assert on_success(state, Permit(2, "a"), at(302), POLICY) is None


# ------------------------------------------------------------------- closed


def test_in_closed_nothing_is_written_for_a_success() -> None:
    assert admit(NEW, START, "a", POLICY) == Proceed(Permit(0))
    assert on_success(NEW, Permit(0), START, POLICY) is None
    assert on_other_error(NEW, Permit(0), START) is None


@pytest.mark.parametrize(
    ("state", "factor", "expected"),
    [
        (CircuitState.CLOSED, 1.0, 1.0),
        (CircuitState.HALF_OPEN, 1.0, 1.5),
        (CircuitState.OPEN, 1.0, 3.0),
        (CircuitState.CLOSED, 0.5, 2.0),
        (CircuitState.OPEN, 0.1, 30.0),
    ],
)
def test_the_state_and_the_learned_factor_slow_down_together(
    state: CircuitState, factor: float, expected: float
) -> None:
    breaker = BreakerState(state=state, learned_factor=factor)

    assert slowdown(breaker, POLICY) == pytest.approx(expected)


# --------------------------------------------------------------------- tick


def test_a_tick_moves_open_on_once_the_cooldown_is_over() -> None:
    assert on_tick(OPEN, [], at(299.9), POLICY, preset_rate=1) is None

    after = on_tick(OPEN, [], at(300), POLICY, preset_rate=1)

    assert after is not None
    assert (after.state, after.generation) == (CircuitState.HALF_OPEN, 2)


def test_a_tick_drops_expired_permits() -> None:
    state = probing(300, "a")
    _, state = admitted(state, "b", seconds=400)

    assert on_tick(state, [], at(899), POLICY, preset_rate=1) is None
    after = on_tick(state, [], at(900), POLICY, preset_rate=1)

    assert after is not None
    assert after.permits == {"b": at(1000)}


# ------------------------------------------------------------------- storms


def stormed(state: BreakerState, *seconds: float, successes: list[WindowEntry]) -> BreakerState:
    for second in seconds:
        permit = Permit(state.generation)
        state = on_server_error(state, successes, permit, at(second), POLICY) or state
    return state


def test_five_5xx_without_a_success_open_it_and_leave_the_factor_alone() -> None:
    before = stormed(NEW, 10, 20, 30, 40, successes=window("sss"))
    after = stormed(before, 50, successes=window("sss"))

    assert before.state is CircuitState.CLOSED
    assert (after.state, after.open_cause) == (CircuitState.OPEN, OpenCause.SERVER_ERRORS)
    assert (after.hold_until, after.cooldown_until) == (at(60), at(350))
    assert after.learned_factor == 1.0
    assert after.server_errors == ()


def test_a_success_between_5xx_replies_begins_the_count_again() -> None:
    before = stormed(NEW, 10, 20, 30, 40, successes=[])
    success = [WindowEntry(at=at(45), outcome=EntryOutcome.SUCCESS)]

    assert stormed(before, 50, successes=success).server_errors == (at(50),)


def test_a_429_between_5xx_replies_does_not() -> None:
    before = stormed(NEW, 10, 20, 30, 40, successes=[])
    entries = [WindowEntry(at=at(45), outcome=EntryOutcome.THROTTLED)]

    assert stormed(before, 50, successes=entries).state is CircuitState.OPEN


def test_5xx_replies_closer_than_a_second_count_once_and_are_not_written() -> None:
    before = stormed(NEW, 10, successes=[])

    assert on_server_error(before, [], Permit(0), at(10.9), POLICY) is None


def test_5xx_replies_too_far_apart_are_no_storm() -> None:
    state = stormed(NEW, 0, 200, 400, 600, 800, successes=[])

    assert state.state is CircuitState.CLOSED
    assert state.server_errors == (at(800), at(600), at(400))


def test_a_5xx_gives_a_probes_permit_back_each_time_and_five_reopen() -> None:
    state = OPEN
    for turn in range(4):
        permit, state = admitted(state, f"p{turn}", seconds=300 + 10 * turn)
        state = on_server_error(state, [], permit, at(301 + 10 * turn), POLICY) or state
        assert (state.state, state.permits) == (CircuitState.HALF_OPEN, {})

    permit, state = admitted(state, "p4", seconds=340)
    state = on_server_error(state, [], permit, at(341), POLICY) or state

    assert (state.state, state.cooldown_seconds) == (CircuitState.OPEN, 600)


def test_a_5xx_close_to_another_still_gives_the_permit_back() -> None:
    state = probing(300, "a", "b")
    for name in ("a", "b"):
        state = on_server_error(state, [], Permit(2, name), at(301), POLICY) or state

    assert (state.permits, state.server_errors) == ({}, (at(301),))


def test_5xx_replies_in_the_trickle_or_from_before_change_nothing() -> None:
    assert on_server_error(OPEN, [], Permit(1), at(20), POLICY) is None
    assert on_server_error(OPEN, [], Permit(0), at(20), POLICY) is None


# --------------------------------------------------------- failed documents


def documents_failed(state: BreakerState, count: int, entries: list[WindowEntry]) -> BreakerState:
    for place in range(count):
        state = on_document_failed(state, entries, at(place), POLICY) or state
    return state


def test_many_documents_turning_failed_cut_the_factor_once_for_a_while() -> None:
    entries = window("s" * 100)

    assert documents_failed(NEW, 19, entries).learned_factor == 1.0
    cut = documents_failed(NEW, 20, entries)

    assert (cut.learned_factor, cut.factor_cut_at) == (0.7, at(19))
    assert cut.failed_documents == ()
    assert on_document_failed(cut, entries, at(318), POLICY) is None
    assert on_document_failed(cut, entries, at(319), POLICY) is not None


def test_failed_documents_of_before_the_latest_hundred_requests_do_not_count() -> None:
    before = documents_failed(NEW, 19, [])
    since = [replace(entry, at=at(18)) for entry in window("s" * 100)]

    after = on_document_failed(before, since, at(20), POLICY)

    assert after is not None
    assert after.failed_documents == (at(20),)


def test_a_window_in_which_documents_failed_does_not_raise_the_factor() -> None:
    state = BreakerState(learned_factor=0.7, failed_documents=(at(-50),))

    assert on_tick(state, window("s" * 100), START, POLICY, preset_rate=1) is None


# ---------------------------------------------------------- moves and policy


def test_a_move_counts_a_generation_and_only_a_probe_closes_it_again() -> None:
    legal: set[tuple[CircuitState, CircuitState]] = set()
    for origin, target in product(CircuitState, repeat=2):
        try:
            after = change_state(BreakerState(state=origin, generation=7), target, START)
        except IllegalStateChange:
            continue
        assert (after.state, after.generation) == (target, 8)
        legal.add((origin, target))

    assert all(origin is not target for origin, target in legal)
    assert {target for _, target in legal} == set(CircuitState)
    to_closed = {origin for origin, target in legal if target is CircuitState.CLOSED}
    to_half_open = {origin for origin, target in legal if target is CircuitState.HALF_OPEN}
    assert (to_closed, to_half_open) == ({CircuitState.HALF_OPEN}, {CircuitState.OPEN})


def test_an_illegal_move_says_which() -> None:
    with pytest.raises(IllegalStateChange, match="from open to closed"):
        change_state(OPEN, CircuitState.CLOSED, START)


def test_an_entry_carries_its_generation_and_outlives_two_days() -> None:
    entry = window_entry(
        EntryOutcome.THROTTLED,
        generation=4,
        batch_id="b1",
        call="import_file",
        now=START,
        policy=POLICY,
    )

    assert entry == WindowEntry(
        at=START,
        outcome=EntryOutcome.THROTTLED,
        generation=4,
        batch_id="b1",
        call="import_file",
        expires_at=datetime(2026, 3, 4, 12, 0, tzinfo=UTC),
    )


def test_scaling_divides_every_wait_but_not_the_windows_retention() -> None:
    policy = scaled(POLICY, 60)

    assert policy.cooldown == timedelta(seconds=5)
    assert policy.cooldown_cap == timedelta(minutes=1)
    assert policy.permit_lifetime == timedelta(seconds=10)
    assert policy.storm_span == timedelta(seconds=10)
    assert policy.default_hold == timedelta(microseconds=166_667)
    assert policy.window_retention == timedelta(hours=48)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"throttle_threshold": 1}, "1 < throttle_threshold"),
        ({"throttle_threshold": 101}, "throttle_threshold <= window_size"),
        ({"consecutive_threshold": 0}, "1 <= consecutive_threshold"),
        ({"half_open_probes": 0}, "1 <= half_open_probes"),
        ({"cooldown": timedelta(hours=2)}, "cooldown <= cooldown_cap"),
        ({"default_hold": timedelta(0)}, "0 < default_hold"),
        ({"permit_lifetime": timedelta(0)}, "0 < permit_lifetime"),
        ({"open_slowdown": 1.2}, "half_open_slowdown <= open_slowdown"),
        ({"factor_cut": 1.0}, "factor_cut < 1"),
        ({"heeded_share": 0.0}, "0 < heeded_share"),
        ({"alike_share": 1.5}, "alike_share <= 1"),
        ({"factor_floor": 0.0}, "0 < factor_floor"),
        ({"trial_time": timedelta(0)}, "0 < trial_time"),
        ({"trial_calls": 101}, "trial_calls <= window_size"),
        ({"trial_pause_cap": timedelta(minutes=4)}, "cooldown <= trial_pause_cap"),
        ({"least_step": 0.0}, "0 < least_step"),
        ({"factor_growth": 1.0}, "1 < factor_growth"),
        ({"window_retention": timedelta(hours=47)}, "48 h <= window_retention"),
        ({"storm_spacing": timedelta(minutes=3)}, "storm_spacing x storm_threshold"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(change: dict[str, object], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        BreakerPolicy(**change)  # type: ignore[arg-type]  # fields of several types
