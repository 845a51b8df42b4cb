from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.throttle.late_starts import (
    BOOKING_TIME,
    ON_TIME,
    RELIEF,
    START_WAIT,
    Bookings,
    Places,
    bookable,
    booked,
    is_late,
    mark_until,
)
from shared.domain.throttle.spacing import BURST_RESERVE, spacing
from shared.domain.throttle.tiers import load_tiers

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RPM = {name: tier.rpm for name, tier in load_tiers().items()}


def places(rpm: float = 20, slowdown: float = 1.0) -> Places:
    return Places(spacing(rpm, slowdown), START_WAIT)


def planned(of: Places, *, relief: bool = False) -> datetime:
    """A place near ``NOW``, which is one of relief or not."""
    return next(
        at
        for at in (NOW + number * of.interval for number in range(3 * RELIEF * of.shares))
        if of.is_relief(at) is relief
    )


def test_what_counts_as_on_time_fits_into_the_reserve_of_a_minute() -> None:
    assert timedelta(minutes=1) * BURST_RESERVE > ON_TIME
    assert not is_late(NOW, NOW + ON_TIME)
    assert is_late(NOW, NOW + ON_TIME * 1.01)


@pytest.mark.parametrize("rpm", RPM.values(), ids=RPM)
def test_each_presets_late_delivery_finds_a_start_if_no_other_waits(rpm: int) -> None:
    of = places(rpm)
    at = planned(of)
    for late in (0.6, 30, 61.7, 4000):
        now = at + late * SECOND
        start = bookable(of, Bookings(), at, now, now + START_WAIT)
        assert start is not None
        assert now + BOOKING_TIME <= start < now + BOOKING_TIME + of.turn
        assert (start - at) % of.interval == timedelta(0)


@pytest.mark.parametrize(
    ("rpm", "shares"), [(5, 1), (20, 1), (60, 1), (200, 4), (2000, 34), (30_000, 496)]
)
def test_no_record_is_booked_more_often_than_once_a_second(rpm: int, shares: int) -> None:
    of = places(rpm)
    assert of.shares == shares
    assert of.turn >= SECOND


@given(st.sampled_from([5, 20, 200, 2000]), st.integers(0, 10**6), st.floats(1, 4))
def test_neighbouring_places_take_turns_in_the_shares(
    rpm: int, phase: int, slowdown: float
) -> None:
    of = places(rpm, slowdown)
    at = NOW + timedelta(microseconds=phase)
    shares = [of.share(at + number * of.interval) for number in range(2 * of.shares)]
    assert shares[: of.shares] == shares[of.shares :]
    assert sorted(shares[: of.shares]) == list(range(of.shares))


def test_one_after_the_other_books_a_place_an_interval_later() -> None:
    of, record, starts = places(), Bookings(), []
    at = planned(of)
    now = at + 30 * SECOND
    while start := bookable(of, record, at, now, now + START_WAIT):
        starts.append(start)
        record = booked(of, start)
    assert {later - earlier for earlier, later in pairwise(starts)} == {of.interval}
    assert len(starts) == 5  # 15 s hold four intervals of 3.03 s after the first place


def test_a_delivery_on_time_takes_its_own_place_or_the_next_one_that_is_not_booked() -> None:
    of = places()
    at = planned(of)
    now = at + 0.1 * SECOND
    latest = now + START_WAIT
    assert bookable(of, Bookings(at), at, now, latest) == at
    assert bookable(of, Bookings(at + of.interval), at, now, latest) == at + of.interval
    assert bookable(of, Bookings(at + SECOND), at, now, latest) == at + of.interval


def test_the_delivery_of_a_relieving_place_waits_for_no_other() -> None:
    of = places()
    at = planned(of, relief=True)
    now = at + 30 * SECOND
    free = bookable(of, Bookings(), at, now, now + START_WAIT)
    assert free is not None
    assert bookable(of, booked(of, free), at, now, now + START_WAIT) is None
    following = [of.is_relief(at + number * of.turn) for number in range(1, RELIEF + 1)]
    assert following == [False] * (RELIEF - 1) + [True]


def test_where_places_are_further_apart_than_a_delivery_waits_any_free_time_is_one() -> None:
    of = places(5, slowdown=3.0)  # 36 s
    at = planned(of)
    now = at + 30 * SECOND
    latest = now + START_WAIT
    assert bookable(of, Bookings(), at, now, latest) == now + BOOKING_TIME
    assert bookable(of, Bookings(now + 9 * SECOND), at, now, latest) == now + 9 * SECOND
    assert bookable(of, Bookings(now + 16 * SECOND), at, now, latest) is None


def test_the_mark_outlasts_what_is_booked_and_is_not_written_each_time() -> None:
    of = places()
    until = mark_until(of, NOW, None)
    assert until is not None
    assert until > NOW + START_WAIT + of.turn
    assert mark_until(of, NOW + 40 * SECOND, until) is None
    extended = mark_until(of, NOW + 50 * SECOND, until)
    assert extended is not None
    assert extended > until
