"""What the 429s of a window say of the rate, and what they don't."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.throttle.breaker import Permit, on_throttled
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.circuit import BreakerState, CircuitState, Tally
from shared.domain.throttle.window import EntryOutcome, WindowEntry

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
POLICY = BreakerPolicy()
CLOSED = BreakerState(generation=3, learned_factor=0.7)
TRICKLING = BreakerState(
    state=CircuitState.OPEN,
    generation=4,
    learned_factor=0.7,
    opened_at=START,
    factor_cut_at=START,
    cooldown_until=START + timedelta(seconds=300),
)


def calls(newest_first: str, generation: int) -> list[WindowEntry]:
    outcomes = {"s": EntryOutcome.SUCCESS, "t": EntryOutcome.THROTTLED}
    return [WindowEntry(START, outcomes[kind], generation=generation) for kind in newest_first]


def every(nth: int, count: int) -> str:
    """A 429 and then successes, so often."""
    return ("t" + "s" * (nth - 1)) * count


def opened(fast: str, slow: str, state: BreakerState = CLOSED) -> BreakerState:
    """The breaker after the newest of the ``fast`` calls, a 429, opened the circuit.

    Before them were three good probes, and before those the ``slow`` calls of another opening.
    """
    latest = calls(fast, state.generation)
    if slow:
        latest += calls("sss", state.generation - 1) + calls(slow, state.generation - 2)
    after = on_throttled(state, latest, Permit(state.generation), START, POLICY)
    assert after is not None
    assert after.state is CircuitState.OPEN
    return after


def factor_when_opened(fast: str, slow: str, state: BreakerState = CLOSED) -> float:
    return opened(fast, slow, state).learned_factor


def test_with_nothing_slower_to_compare_opening_costs_a_cut() -> None:
    assert factor_when_opened(every(10, 5), "") == 0.49


def test_429s_that_a_third_of_the_rate_does_not_lessen_give_a_cut_back() -> None:
    assert factor_when_opened(every(10, 5), every(10, 4)) == 1.0


def test_429s_that_a_third_of_the_rate_ends_cost_a_cut() -> None:
    assert factor_when_opened(every(10, 5), "s" * 40) == 0.49


def test_the_comparison_decides_at_half_as_often() -> None:
    # 5 of 50 are a tenth, so 50 slow calls (probes included) would meet five.
    assert factor_when_opened(every(10, 5), every(15, 3) + "ss") == 1.0
    assert factor_when_opened(every(10, 5), every(20, 2) + "s" * 7) == 0.49


def test_too_few_slow_calls_say_nothing_until_there_are_more() -> None:
    # 15 of them, probes included, would meet 1.5; 30 would meet 3.
    once = opened(every(10, 5), "s" * 12)
    twice = opened(every(10, 5), "s" * 12, replace(CLOSED, fast=once.fast, slow=once.slow))

    assert (once.learned_factor, once.fast, once.slow) == (0.7, Tally(50, 5), Tally(15, 0))
    assert (twice.learned_factor, twice.fast, twice.slow) == (0.49, Tally(), Tally())


def test_calls_that_left_the_window_are_not_compared() -> None:
    fast = every(20, 5)

    assert factor_when_opened(fast, every(20, 5)) == 0.49


def test_calls_of_before_the_last_opening_are_not_compared() -> None:
    latest = calls(every(10, 5), 3) + calls("sss", 2) + calls(every(10, 4), 0)
    after = on_throttled(CLOSED, latest, Permit(3), START, POLICY)

    assert after is not None
    assert after.slow == Tally(3, 0)


@pytest.mark.parametrize("fast", ["ttt", "tss" * 5])
def test_every_third_call_throttled_costs_a_cut_whatever_slower_ones_met(fast: str) -> None:
    assert factor_when_opened(fast, "tst" * 20) == 0.49
    assert factor_when_opened("tsss" * 5, "tst" * 20) == 1.0


@pytest.mark.parametrize(("factor", "after"), [(0.1, 0.1429), (0.8, 1.0), (1.0, 1.0)])
def test_what_is_given_back_is_one_cut_and_never_more_than_the_preset(
    factor: float, after: float
) -> None:
    state = replace(CLOSED, learned_factor=factor)

    assert factor_when_opened(every(10, 5), every(10, 4), state) == after


def test_the_factor_is_never_less_than_a_tenth() -> None:
    state = replace(CLOSED, learned_factor=0.1177)

    assert factor_when_opened("ttt", "", state) == 0.1


def trickled(newest_first: str, state: BreakerState = TRICKLING, *, seconds: float = 60) -> float:
    window = calls(newest_first, state.generation)
    now = START + timedelta(seconds=seconds)
    after = on_throttled(state, window, Permit(state.generation), now, POLICY)
    return (after or state).learned_factor


@pytest.mark.parametrize(
    ("newest_first", "factor"),
    [("tst" * 3, 0.49), ("tstt", 0.7), ("tsss" * 6, 0.7)],
    ids=["five at every second", "no five yet", "every fourth"],
)
def test_a_trickle_that_is_itself_too_fast_costs_another_cut(
    newest_first: str, factor: float
) -> None:
    assert trickled(newest_first) == factor


def test_an_opening_costs_no_more_than_two_cuts() -> None:
    cut = replace(TRICKLING, factor_cut_at=START + timedelta(seconds=1))

    assert trickled("tst" * 3, cut) == 0.7


def test_calls_of_other_openings_do_not_count_for_the_trickle() -> None:
    window = calls("t", 4) + calls("tttttt", 1)
    after = on_throttled(TRICKLING, window, Permit(4), START + timedelta(seconds=60), POLICY)

    assert after is not None
    assert after.learned_factor == 0.7
