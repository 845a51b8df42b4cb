"""What the deployment's limits admit, and over how many days they spread work."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.estimate.budget import (
    DayLimit,
    Load,
    Room,
    Spare,
    Spending,
    default_cost_per_day,
)
from shared.domain.estimate.prices import load_prices
from shared.domain.throttle.tiers import tier_named

COSTS = st.lists(st.integers(1, 1000).map(lambda tokens: tokens * 1.5e-7), max_size=20)


def test_the_default_follows_from_rate_quota_and_price() -> None:
    price = load_prices().price_of("")
    assert price is not None
    assert default_cost_per_day(tier_named("tier1"), price) == pytest.approx(14_400 * 0.0003)
    assert default_cost_per_day(tier_named("free"), price) == pytest.approx(50 * 0.0003)


@given(costs=COSTS, limit=st.floats(1e-6, 1e-3), files=st.integers(0, 30))
def test_what_is_admitted_never_exceeds_the_room(
    costs: list[float], limit: float, files: int
) -> None:
    admitted, room = Room(limit, files).admitted(costs, lambda cost: cost)

    assert sum(admitted) <= limit + len(costs) * 1e-8
    assert len(admitted) <= files
    assert room.cost == pytest.approx(limit - sum(admitted))
    for left in set(costs) - set(admitted):
        assert not room.fits(Load(1, left))


def test_a_room_without_limits_admits_everything() -> None:
    assert Room(None, None).admitted([1.0, 2.0], lambda cost: cost)[0] == [1.0, 2.0]


def test_equal_files_fill_a_limit_that_is_their_multiple() -> None:
    admitted, _ = Room(0.0009, None).admitted([0.0003] * 5, lambda cost: cost)
    assert len(admitted) == 3


def test_a_day_is_fresh_while_nothing_was_sent_and_nothing_is_on_its_way() -> None:
    assert Spending(1.0, None).day_is_fresh
    assert not Spending(1.0, None, spent=0.1).day_is_fresh
    assert not Spending(1.0, None, planned=Load(0, 0.1)).day_is_fresh
    assert not Spending(1.0, None, under_way=Load(1, 0.0)).day_is_fresh


@pytest.mark.parametrize(
    ("spent", "files", "cost", "days"),
    [
        (0.0, 4, 1.0, 1),
        (0.0, 4, 1.1, 2),
        (0.5, 10, 1.0, 2),
        (0.5, 10, 2.5, 3),
        (1.0, 10, 2.0, 3),
        (1.0, 0, 0.0, 1),
        (0.0, 1, 50.0, 1),  # a file that costs more than a day may goes alone
        (0.2, 1, 50.0, 2),
        (5.0, 3, 0.9, 2),
    ],
)
def test_the_limit_spreads_work_over_days(spent: float, files: int, cost: float, days: int) -> None:
    assert DayLimit(1.0, spent).days(Load(files, cost)) == days


def test_what_is_spent_begun_and_planned_leaves_the_room() -> None:
    spending = Spending(1.0, 10, spent=0.2, begun=3, planned=Load(2, 0.3), under_way=Load(1, 0.1))
    assert spending.room.cost == pytest.approx(0.5)
    assert spending.room.files == 5


def test_a_file_that_costs_more_than_a_day_goes_alone_only_on_a_day_without_other_imports() -> None:
    dear = Load(1, 1.5)
    assert Spending(1.0, None, planned=dear).goes_alone
    assert Spending(1.0, None, under_way=dear).goes_alone
    assert not Spending(1.0, None, spent=0.1, planned=dear).goes_alone
    assert not Spending(None, None, planned=dear).goes_alone


@given(costs=COSTS, limit=st.floats(1e-6, 1e-3))
def test_no_more_is_planned_than_there_was_to_spare(costs: list[float], limit: float) -> None:
    spare: Spare | None = Spare(1.0, limit, datetime(2026, 1, 1, tzinfo=UTC))
    planned = 0.0
    for cost in costs:
        spare = spare and spare.less(cost)
        planned += cost if spare else 0.0

    assert planned <= limit + 1e-12
