"""The rate of unmetered requests, and the poller's claim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.throttle import unmetered
from shared.domain.throttle.unmetered import FLOOR, HOLD, Polls

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
NONE = timedelta()


def test_a_new_record_stops_nobody() -> None:
    assert unmetered.blocked_until(Polls(), NOW) is None
    assert not unmetered.is_slowest(Polls())


def test_a_429_halves_the_share_and_holds_the_polls() -> None:
    after = unmetered.throttled(Polls(), NONE, NOW)

    assert (after.share, after.held_until) == (0.5, NOW + HOLD)
    assert unmetered.blocked_until(after, NOW) == NOW + HOLD
    assert unmetered.blocked_until(after, NOW + HOLD) is None


def test_429s_of_requests_sent_together_cut_once_and_the_longest_wait_counts() -> None:
    first = unmetered.throttled(Polls(), 30 * SECOND, NOW)
    second = unmetered.throttled(first, 60 * SECOND, NOW + SECOND)
    third = unmetered.throttled(second, NONE, NOW + SECOND)

    assert third.share == 0.5
    assert third.held_until == NOW + 61 * SECOND


def test_polls_can_be_only_so_slow() -> None:
    polls, now = Polls(), NOW
    while not unmetered.is_slowest(polls):
        polls, now = unmetered.throttled(polls, NONE, now), now + HOLD

    assert polls.share == FLOOR
    assert unmetered.throttled(polls, NONE, now).share == FLOOR


def test_runs_that_go_well_regain_the_rate() -> None:
    polls = Polls(share=FLOOR)
    for _ in range(9):
        polls = unmetered.went_well(polls)

    assert polls.share == pytest.approx(1.0)
    assert unmetered.went_well(polls).share == 1.0


def test_a_claim_lasts_until_its_end_or_until_it_is_given_back() -> None:
    claimed = unmetered.claimed(Polls(share=0.5), "mine", NOW + SECOND)

    assert unmetered.blocked_until(claimed, NOW) == NOW + SECOND
    assert unmetered.blocked_until(claimed, NOW + SECOND) is None
    assert unmetered.given_back(claimed, "another") == claimed
    assert unmetered.given_back(claimed, "mine") == Polls(share=0.5)


@given(st.floats(FLOOR, 1), st.integers(1, 30_000), st.timedeltas(SECOND / 2, timedelta(minutes=1)))
def test_a_run_looks_at_one_file_at_least_and_stays_within_the_rate(
    share: float, rpm: int, grid: timedelta
) -> None:
    most = unmetered.most_looks(Polls(share=share), rpm, grid)

    assert most >= 1
    assert most == 1 or 2 * most <= share * rpm * (grid / timedelta(minutes=1))
