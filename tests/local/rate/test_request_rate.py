from __future__ import annotations

from local.rate.request_rate import RequestRate, surplus


def test_minutes_count_from_the_first_request_and_a_started_one_is_left_out() -> None:
    rate = RequestRate([100.0, 159.9, 160.0, 219.0, 221.0], until=225.0, per_minute=2)
    assert rate.minutes() == [2, 2]
    assert rate.least_utilisation() == 1.0


def test_the_slowest_minute_decides_but_never_the_first() -> None:
    rate = RequestRate([0.0, 60.0, 61.0, 120.0], until=180.0, per_minute=2)
    assert rate.minutes() == [1, 2, 1]
    assert rate.least_utilisation() == 0.5
    assert RequestRate([0.0], until=60.0, per_minute=2).least_utilisation() == 0.0
    assert RequestRate([], until=600.0, per_minute=2).minutes() == []


def test_the_peak_is_that_of_any_sixty_seconds() -> None:
    assert RequestRate([0.0, 50.0, 59.0, 70.0, 110.0], 120.0, 2).peak() == 3
    assert RequestRate([0.0, 60.0], 60.0, 2).peak() == 1


def test_requests_beyond_one_for_each_dispatch_are_seen() -> None:
    assert surplus([0.0, 1.0], [0.1, 1.1]) == 0
    assert surplus([0.0, 1.0], [0.1, 0.2]) == 1
    assert surplus([0.0, 1.0, 2.0], [0.1]) == 0
