from __future__ import annotations

import pytest

from local.cloud_tasks.queue.retry import RETENTION, RetryPolicy, retry_after_seconds

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


def policy(
    attempts: int = -1,
    duration: float = 0,
    backoff: tuple[float, float] = (10, 300),
    doublings: int = 3,
) -> RetryPolicy:
    return RetryPolicy(attempts, duration, *backoff, doublings)


def test_the_documented_example_of_the_backoff() -> None:
    waits = [policy().backoff(attempts) for attempts in range(1, 9)]
    assert waits == [10, 20, 40, 80, 160, 240, 300, 300]


def test_without_doublings_the_backoff_grows_linearly() -> None:
    assert [policy(doublings=0).backoff(attempts) for attempts in (1, 2, 3)] == [10, 20, 30]


def test_the_backoff_of_a_task_failing_for_weeks_is_the_maximum() -> None:
    assert policy(backoff=(0.1, 3600), doublings=10_000).backoff(100_000) == 3600


def test_no_minimum_means_no_wait() -> None:
    assert policy(backoff=(0, 300)).backoff(50) == 0


@pytest.mark.parametrize(
    ("limits", "attempts", "elapsed", "exhausted"),
    [
        ((3, 0), 2, 1e9, False),
        ((3, 0), 3, 0, True),
        ((-1, 60), 1000, 59.9, False),
        ((-1, 60), 1, 60, True),
        ((3, 60), 3, 59.9, False),
        ((3, 60), 2, 61, False),
        ((3, 60), 3, 60, True),
        ((-1, 0), 10**6, 1e9, False),
    ],
)
def test_retries_end_when_every_limit_that_is_set_is_reached(
    limits: tuple[int, float], attempts: int, elapsed: float, exhausted: bool
) -> None:
    assert policy(*limits).exhausted(attempts, elapsed) is exhausted


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("9" * 500, RETENTION),
        ("-7", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("", None),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
        ("Tue, 99 Nov 2023 22:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds
