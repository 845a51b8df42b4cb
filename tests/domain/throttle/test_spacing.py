from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.throttle.spacing import Start, free_slots, spacing
from shared.domain.time_scale import scaled

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("rpm", "slowdown", "seconds"),
    [
        (5, 1.0, 12.12),
        (20, 1.0, 3.03),
        (20, 3.0, 9.09),
        (20, 1.5, 4.545),
        (20, 10.0, 30.3),
        (2000, 1.0, 0.0303),
        (20, 0.5, 3.03),
    ],
)
def test_spacing_is_the_presets_with_a_hundredth_more_and_never_less(
    rpm: float, slowdown: float, seconds: float
) -> None:
    assert spacing(rpm, slowdown) == timedelta(seconds=seconds)


def slots(after: float | None, interval: float = 3, horizon: float = 22) -> list[float]:
    """Seconds from now at which requests may be made; ``after`` is the first not given away."""
    found = free_slots(
        now=NOW,
        next_slot_at=None if after is None else NOW + after * SECOND,
        interval=interval * SECOND,
        horizon=horizon * SECOND,
        start=Start(),
    )
    return [(at - NOW).total_seconds() for at in found]


def test_a_start_leads_by_a_second_and_warms_up_for_six_at_half_the_rate() -> None:
    assert Start() == Start(lead=SECOND, warm_up=6 * SECOND)
    assert slots(None) == [1, 7, 10, 13, 16, 19, 22]


@pytest.mark.parametrize("after", [-3600, -2, -0.5, -0.001])
def test_slots_that_passed_unused_are_not_made_up_for_but_begin_anew(after: float) -> None:
    first, second, third, *_ = found = slots(after)

    assert 1 <= first < 1 + 3
    assert (second - first, third - second) == (6, 3)
    assert all((at - after) % 3 == pytest.approx(0) for at in found), "others may come late"


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (0.5, [*range(1, 8), 7.5, 8]),
        (2, [1, 5, 9, 11]),
        (2.5, [1, 6, 11]),
        (4, [1, 9, 13]),
        (12, [1, 25, 37]),
    ],
)
def test_only_a_slot_before_the_warm_ups_end_is_followed_at_half_the_rate(
    interval: float, expected: list[float]
) -> None:
    assert slots(None, interval, horizon=expected[-1]) == expected


def test_a_plan_that_goes_on_neither_leads_nor_warms_up() -> None:
    assert slots(0, horizon=10) == [0, 3, 6, 9]
    assert slots(4, horizon=10) == [4, 7, 10]


def test_a_lead_beyond_the_horizon_leaves_nothing_to_plan() -> None:
    assert slots(None, horizon=0.9) == []
    assert slots(None, horizon=1) == [1]


def test_a_start_can_be_scaled() -> None:
    assert scaled(Start(), 10) == Start(
        lead=timedelta(milliseconds=100), warm_up=timedelta(milliseconds=600)
    )


@pytest.mark.parametrize("after", [10.001, 11, 1000])
def test_a_horizon_that_is_given_away_leaves_none(after: float) -> None:
    assert slots(after, horizon=10) == []


@given(
    st.lists(st.floats(0, 200), min_size=1, max_size=8),
    st.sampled_from([3.03, 12.12]),
)
@settings(deadline=None)
def test_however_often_one_plans_slots_keep_their_distance(
    waits: list[float], interval: float
) -> None:
    now, following, given_away = NOW, None, []
    for wait in waits:
        now += wait * SECOND
        found = free_slots(
            now=now,
            next_slot_at=following,
            interval=interval * SECOND,
            horizon=60 * SECOND,
            start=Start(),
        )
        assert all(now <= at <= now + 60 * SECOND for at in found)
        given_away += found
        following = found[-1] + interval * SECOND if found else following
    gaps = [b - a for a, b in pairwise(given_away)]
    assert all(gap >= interval * SECOND for gap in gaps)
