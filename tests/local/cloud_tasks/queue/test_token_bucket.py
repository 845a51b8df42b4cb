from __future__ import annotations

import pytest

from local.cloud_tasks.queue.token_bucket import TokenBucket, burst_size

NOW = 1_700_000_000.0


def drained(bucket: TokenBucket, count: int, start: float = NOW) -> list[float]:
    """When so many tasks, all waiting since `start`, go; relative to it."""
    times = []
    at = start
    for _ in range(count):
        at = bucket.ready_at(at)
        bucket.take(at)
        times.append(at - start)
    return times


def emptied(rate: float) -> TokenBucket:
    """A bucket whose tokens are all taken at `NOW`."""
    bucket = TokenBucket(rate, NOW)
    drained(bucket, bucket.burst)
    return bucket


@pytest.mark.parametrize(
    ("rate", "burst"),
    [
        (5 / 60, 10),
        (0.25, 10),
        (1, 10),
        (20 / 60, 10),
        (10, 10),
        (2000 / 60, 34),
        (100, 100),
        (500, 100),
    ],
)
def test_burst_is_the_rate_rounded_up_but_at_least_10_and_at_most_100(
    rate: float, burst: int
) -> None:
    assert burst_size(rate) == burst


def test_a_full_bucket_lets_the_burst_go_at_once_and_the_rest_at_the_rate() -> None:
    times = drained(TokenBucket(10, NOW), 30)
    assert times[:10] == [0] * 10
    assert times[10:] == pytest.approx([(i + 1) / 10 for i in range(20)], abs=1e-3)


@pytest.mark.parametrize("rate", [5 / 60, 200 / 60, 7.3, 499.9])
def test_rounding_never_adds_up(rate: float) -> None:
    bucket = TokenBucket(rate, NOW)
    count = 20_000
    last = drained(bucket, count)[-1]
    assert last == pytest.approx((count - burst_size(rate)) / rate, rel=1e-6)


@pytest.mark.parametrize("rate", [5 / 60, 7 / 60, 200 / 60, 1000 / 60, 499.9])
def test_tasks_spaced_exactly_at_the_rate_never_wait(rate: float) -> None:
    bucket = TokenBucket(rate, NOW)
    for number in range(20_000):
        due = NOW + round(number / rate, 6)
        assert bucket.ready_at(due) == due
        bucket.take(due)


def test_a_bucket_holds_no_more_than_its_burst() -> None:
    assert drained(TokenBucket(2, NOW), 11, NOW + 3600) == pytest.approx([0] * 10 + [0.5])


def test_a_new_rate_counts_from_the_moment_it_is_set() -> None:
    bucket = emptied(1)
    bucket.resize(10, 10, NOW + 0.5)
    assert bucket.ready_at(NOW + 0.5) == pytest.approx(NOW + 0.55)


def test_a_smaller_burst_takes_tokens_away() -> None:
    bucket = TokenBucket(100, NOW)
    bucket.resize(1, 1, NOW)
    assert drained(bucket, 2) == pytest.approx([0, 1])


def test_a_clock_set_back_does_not_stop_the_bucket() -> None:
    bucket = emptied(1)
    earlier = NOW - 86_400
    assert bucket.ready_at(earlier) == pytest.approx(earlier + 1)
