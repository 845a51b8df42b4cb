"""What the 429s of a window say of the rate, and what they don't."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.throttle.breaker import Permit, on_throttled
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.breaker_state import BreakerState, CircuitState
from shared.domain.throttle.breaker_window import WindowEntry
from tests.domain.throttle.windows import entries

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
    return entries(newest_first, START, every=0, generation=generation)


def every(nth: int, count: int) -> str:
    """A 429 and then successes, so often."""
    return ("t" + "s" * (nth - 1)) * count


def factor_when_opened(fast: str, slow: str, factor: float = 0.7) -> float:
    """The factor after the newest of the ``fast`` calls, a 429, opened the circuit.

    Before them were three good probes, and before those the ``slow`` calls of another opening.
    """
    state = replace(CLOSED, learned_factor=factor)
    window = calls(fast, 3) + calls("sss", 2) + calls(slow, 1)
    after = on_throttled(state, window, Permit(3), START, POLICY)
    assert after is not None
    assert after.state is CircuitState.OPEN
    return after.learned_factor


@pytest.mark.parametrize(
    ("fast", "slow", "factor"),
    [
        (every(10, 5), "", 0.49),
        (every(10, 5), "s" * 40, 0.49),
        (every(10, 5), every(20, 2), 1.0),
        (every(10, 5), every(21, 2), 0.49),
        (every(20, 5), every(20, 5), 0.49),
        (every(4, 5), every(2, 20), 1.0),
        (every(3, 5), every(2, 20), 0.49),
        ("ttt", every(2, 20), 0.49),
    ],
    ids=[
        "nothing slower to compare with",
        "slower calls met none",
        "slower calls met them half as often",
        "slower calls met them less than half as often",
        "the slower calls have left the window",
        "every fourth",
        "every third, whatever slower calls met",
        "three in a row, whatever slower calls met",
    ],
)
def test_opening_costs_a_cut_or_brings_the_preset_back(fast: str, slow: str, factor: float) -> None:
    assert factor_when_opened(fast, slow) == factor


def test_calls_of_before_the_last_opening_are_not_looked_at() -> None:
    window = calls(every(10, 5), 3) + calls("sss", 2) + calls(every(10, 4), 0)
    after = on_throttled(CLOSED, window, Permit(3), START, POLICY)

    assert after is not None
    assert after.learned_factor == 0.49


@pytest.mark.parametrize("factor", [0.1, 0.49, 1.0])
def test_however_low_the_factor_was_it_is_the_preset_that_comes_back(factor: float) -> None:
    assert factor_when_opened(every(10, 5), every(10, 4), factor) == 1.0


def test_the_factor_is_never_less_than_a_tenth() -> None:
    assert factor_when_opened("ttt", "", 0.1177) == 0.1


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
