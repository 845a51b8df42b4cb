"""How the learned factor is found again after a cut: trials, and what ends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from shared.domain.throttle.breaker import (
    Permit,
    admit,
    is_tick_due,
    on_success,
    on_throttled,
    on_tick,
    slowdown,
)
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.breaker_state import BreakerState, CircuitState
from shared.domain.throttle.breaker_window import EntryOutcome, WindowEntry
from tests.domain.throttle.windows import entries

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
POLICY = BreakerPolicy()
CUT = BreakerState(
    learned_factor=0.49, settled_factor=0.49, refused_factor=0.7, factor_cut_at=START
)
ON_TRIAL = replace(CUT, learned_factor=0.595, factor_raised_at=START)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def calls(newest_first: str, *, newest: float, every: float = 1.0) -> list[WindowEntry]:
    return entries(newest_first, at(newest), every=every)


def ticked(
    state: BreakerState, window: list[WindowEntry], *, seconds: float, preset_rate: float = 1.0
) -> BreakerState:
    return on_tick(state, window, at(seconds), POLICY, preset_rate=preset_rate) or state


def throttled(state: BreakerState, window: list[WindowEntry], *, seconds: float) -> BreakerState:
    after = on_throttled(state, window, Permit(0), at(seconds), POLICY)
    assert after is not None
    return after


# ------------------------------------------------------------------- a rate is settled


@pytest.mark.parametrize(
    ("window", "seconds", "factor"),
    [
        (calls("s" * 36, newest=75, every=2), 75, 0.595),
        (calls("s" * 36, newest=74, every=2), 74.9, 0.49),
        (calls("s" * 18, newest=75, every=4), 75, 0.49),
        (calls("s" * 9, newest=75, every=2), 75, 0.49),
        (calls("s" * 35 + "t", newest=75, every=2), 75, 0.49),
        (calls("s" * 38 + "t", newest=80, every=2), 80, 0.595),
        (calls("s" * 99 + "t", newest=600, every=0.1), 600, 0.49),
        (calls("s" * 100, newest=600), 600, 0.595),
        (calls("s" * 100, newest=600, every=5), 600, 0.49),
    ],
    ids=[
        "at the allowed rate for long enough",
        "not for long enough",
        "at less than half of it",
        "too few",
        "a 429 not long ago",
        "a 429 long ago",
        "one in a hundred fast calls",
        "a full window at the allowed rate",
        "a full window at less than half of it",
    ],
)
def test_calls_at_the_allowed_rate_settle_it_and_begin_a_trial(
    window: list[WindowEntry], seconds: float, factor: float
) -> None:
    after = ticked(CUT, window, seconds=seconds)

    assert after.learned_factor == factor
    assert after.settled_factor == 0.49


def test_calls_of_before_the_last_change_settle_nothing() -> None:
    assert ticked(CUT, calls("s" * 100, newest=0), seconds=100) == CUT


def test_calls_of_before_the_circuit_closed_settle_nothing() -> None:
    closed = replace(CUT, moved_at=at(300))

    assert ticked(closed, calls("s" * 60, newest=300), seconds=400) == closed
    assert ticked(closed, calls("s" * 60, newest=374), seconds=374) == closed
    assert ticked(closed, calls("s" * 60, newest=375), seconds=375) != closed


def test_a_document_that_failed_meanwhile_leaves_the_rate_unsettled() -> None:
    window = calls("s" * 36, newest=75, every=2)

    meanwhile = replace(CUT, failed_documents=(at(40),))
    before = replace(CUT, failed_documents=(at(-40),))

    assert ticked(meanwhile, window, seconds=75) == meanwhile
    assert ticked(before, window, seconds=75).learned_factor == 0.595


@pytest.mark.parametrize(
    ("settled", "refused", "tried"),
    [(0.49, 0.7, 0.595), (0.68, 0.7, 0.7), (0.7, 0.7, 0.875), (0.49, None, 0.6125), (0.9, None, 1)],
    ids=["half of the way", "the least step", "beyond it", "never refused", "the preset"],
)
def test_how_far_a_trial_goes(settled: float, refused: float | None, tried: float) -> None:
    state = replace(CUT, learned_factor=settled, settled_factor=settled, refused_factor=refused)

    assert ticked(state, calls("s" * 75, newest=75), seconds=75).learned_factor == tried


def test_beyond_what_was_refused_nothing_is_known_to_be_refused() -> None:
    trial = replace(ON_TRIAL, learned_factor=0.71, failed_trials=3)
    after = ticked(trial, calls("s" * 75, newest=75), seconds=75)

    assert (after.settled_factor, after.refused_factor, after.failed_trials) == (0.71, None, 0)


def test_the_preset_settles_too_and_then_there_is_nothing_left_to_do() -> None:
    trial = BreakerState(learned_factor=1.0, settled_factor=0.9, factor_raised_at=START)
    assert is_tick_due(trial, at(75), POLICY)

    settled = ticked(trial, calls("s" * 75, newest=75), seconds=75)

    assert (settled.learned_factor, settled.settled_factor) == (1.0, 1.0)
    assert not is_tick_due(settled, at(10_000), POLICY)
    assert not is_tick_due(BreakerState(), at(10_000), POLICY)


# ---------------------------------------------------------------------- a trial fails


def test_one_429_in_a_trial_brings_the_settled_factor_back_and_opens_nothing() -> None:
    after = throttled(ON_TRIAL, calls("t" + "s" * 12, newest=30), seconds=30)

    assert after.state is CircuitState.CLOSED
    assert (after.learned_factor, after.settled_factor) == (0.49, 0.49)
    assert (after.refused_factor, after.failed_trials) == (0.595, 1)
    assert after.hold_until == at(40)


def test_a_trial_waits_until_its_429s_would_not_open_the_circuit() -> None:
    window = calls("s" * 40 + "t" * 2 + "s" * 3, newest=120)
    more = [*window, *calls("t", newest=60)]

    assert ticked(CUT, window, seconds=160).learned_factor == 0.595
    assert ticked(CUT, more, seconds=160) == CUT


def test_a_trial_ends_at_its_first_429_however_many_calls_went_well() -> None:
    """At a fast tier a hundred calls are three seconds, and one 429 is all that a limit shows."""
    once = calls("t" + "s" * 99, newest=200)

    assert throttled(ON_TRIAL, once, seconds=200).learned_factor == 0.49


def test_a_429_of_a_call_from_before_a_trial_does_not_end_it() -> None:
    late = calls("t" + "s" * 5, newest=0)

    assert throttled(ON_TRIAL, late, seconds=1).learned_factor == 0.595


def test_a_429_at_a_settled_factor_changes_it_only_by_opening_the_circuit() -> None:
    once = throttled(CUT, calls("t" + "s" * 12, newest=400), seconds=400)
    opened = throttled(CUT, calls("ttt", newest=400), seconds=400)

    assert (once.state, once.learned_factor) == (CircuitState.CLOSED, 0.49)
    assert (opened.state, opened.learned_factor) == (CircuitState.OPEN, 0.343)
    assert opened.settled_factor == 0.343


def test_a_trial_that_opens_the_circuit_has_failed_and_costs_no_cut() -> None:
    after = throttled(ON_TRIAL, calls("ttt", newest=30), seconds=30)

    assert after.state is CircuitState.OPEN
    assert (after.learned_factor, after.refused_factor) == (0.49, 0.595)


def test_429s_that_come_late_from_a_failed_trial_cost_no_cut() -> None:
    failed = replace(CUT, failed_trials=1)

    soon = throttled(failed, calls("ttt", newest=299), seconds=299)
    later = throttled(failed, calls("ttt", newest=300), seconds=300)

    assert (soon.state, soon.learned_factor) == (CircuitState.OPEN, 0.49)
    assert (later.state, later.learned_factor) == (CircuitState.OPEN, 0.343)


@pytest.mark.parametrize(("failed", "minutes"), [(0, 1.25), (1, 10), (2, 20), (3, 20), (40, 20)])
def test_each_failed_trial_doubles_the_pause_until_the_next(failed: int, minutes: float) -> None:
    state = replace(CUT, failed_trials=failed)

    assert not is_tick_due(state, at(60 * minutes - 0.1), POLICY)
    assert is_tick_due(state, at(60 * minutes), POLICY)


def test_a_probe_that_gets_a_429_costs_a_cut() -> None:
    """Else a limit between a third and two thirds of the rate would let no probe through, ever."""
    probing = replace(
        CUT, state=CircuitState.HALF_OPEN, generation=2, permits={"p": at(400)}, openings=1
    )
    after = on_throttled(probing, calls("t", newest=310), Permit(2, "p"), at(310), POLICY)

    assert after is not None
    assert (after.state, after.learned_factor) == (CircuitState.OPEN, 0.343)


def test_a_new_cut_begins_the_pauses_anew() -> None:
    opened = throttled(replace(CUT, failed_trials=4), calls("ttt", newest=400), seconds=400)

    assert (opened.failed_trials, opened.refused_factor) == (0, 0.49)


def test_a_record_of_an_earlier_version_goes_on_from_its_factor() -> None:
    earlier = BreakerState(learned_factor=0.7, factor_cut_at=START)
    after = ticked(earlier, calls("s" * 75, newest=75), seconds=75)

    assert (after.settled_factor, after.learned_factor) == (0.7, 0.875)


# -------------------------------------------------------------------------- in the long run


def found(limit: float, hours: float, *, state: BreakerState | None = None) -> BreakerState:
    """Play calls against a service that admits ``limit`` a minute, with a tick each minute."""
    state = state or BreakerState()
    window: list[WindowEntry] = []
    admitted: list[float] = []
    second, next_tick, numbers = 0.0, 60.0, count()
    while second < 3600 * hours:
        if second >= next_tick:
            state = ticked(state, window, seconds=second, preset_rate=20 / 60)
            next_tick += 60
        answer = admit(state, at(second), f"p{next(numbers)}", POLICY)
        permit = getattr(answer, "permit", None)
        if permit is not None:
            state = answer.state or state  # type: ignore[union-attr]  # it is a permission
            admitted = [each for each in admitted if each > second - 60]
            refused = len(admitted) >= limit
            outcome = EntryOutcome.THROTTLED if refused else EntryOutcome.SUCCESS
            window = [WindowEntry(at(second), outcome, generation=permit.generation), *window[:99]]
            if refused:
                state = on_throttled(state, window, permit, at(second), POLICY) or state
            else:
                admitted.append(second)
                state = on_success(state, permit, at(second), POLICY) or state
        second += 3.03 * slowdown(state, POLICY)
    return state


@pytest.mark.parametrize("limit", [4, 7, 10, 12, 13, 16, 19])
def test_the_factor_comes_close_to_the_limit_and_stays_there(limit: int) -> None:
    settled = found(limit, 5).settled_factor

    assert limit / 20 - 0.06 <= settled <= limit / 20 * 1.01


def test_a_limit_that_is_lifted_is_used_within_the_hour() -> None:
    before = found(10, 3)
    since = replace(
        before,
        factor_cut_at=START,
        factor_raised_at=None,
        moved_at=None,
        hold_until=None,
        failed_trials=4,
    )

    assert found(20, 1, state=since).settled_factor == 1.0
