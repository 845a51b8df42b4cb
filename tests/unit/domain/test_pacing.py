from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.pacing import free_slots, spacing

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


def slots(after: float | None, interval: float = 3, horizon: float = 10) -> list[float]:
    found = free_slots(
        now=NOW,
        next_slot_at=None if after is None else NOW + after * SECOND,
        interval=interval * SECOND,
        horizon=horizon * SECOND,
    )
    return [(at - NOW).total_seconds() for at in found]


def test_slots_begin_now_where_none_was_given_away() -> None:
    assert slots(None) == [0, 3, 6, 9]


def test_slots_begin_where_the_last_plan_ended() -> None:
    assert slots(4) == [4, 7, 10]


def test_slots_that_passed_unused_are_not_made_up_for() -> None:
    assert slots(-3600) == [0, 3, 6, 9]


@pytest.mark.parametrize("after", [10, 11, 1000])
def test_a_horizon_that_is_given_away_leaves_none(after: float) -> None:
    assert slots(after) == []


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
        )
        assert all(now <= at <= now + 60 * SECOND for at in found)
        given_away += found
        following = found[-1] + interval * SECOND if found else following
    gaps = [b - a for a, b in zip(given_away, given_away[1:], strict=False)]
    assert all(gap >= interval * SECOND for gap in gaps)
