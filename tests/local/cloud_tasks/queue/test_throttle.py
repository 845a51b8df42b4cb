from __future__ import annotations

import pytest

from local.cloud_tasks.queue.throttle import FLOOR, Throttle

NOW = 1_700_000_000.0


def test_a_pushback_halves_the_rate_and_time_gives_it_back() -> None:
    throttle = Throttle()
    assert throttle.factor(NOW) == 1
    throttle.push_back(NOW)
    assert throttle.factor(NOW) == 0.5
    assert throttle.factor(NOW + 4.9) == 0.5
    assert throttle.factor(NOW + 25) == pytest.approx(0.75)
    assert throttle.factor(NOW + 50) == 1
    assert throttle.factor(NOW + 500) == 1


def test_many_pushbacks_of_one_burst_count_once() -> None:
    throttle = Throttle()
    for _ in range(100):
        throttle.push_back(NOW)
    assert throttle.factor(NOW) == 0.5


def test_pushbacks_that_go_on_lower_the_rate_to_the_floor() -> None:
    throttle = Throttle()
    for second in range(60):
        throttle.push_back(NOW + second)
    assert throttle.factor(NOW + 59) == FLOOR


def test_a_clock_set_back_never_raises_the_rate_above_the_configured_one() -> None:
    throttle = Throttle()
    throttle.push_back(NOW)
    assert throttle.factor(NOW - 86_400) == 0.5
