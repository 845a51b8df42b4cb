from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.batch.time_left import time_left

MINUTE = timedelta(minutes=1)
TIER1 = 20


def left(**changes: Any) -> float | None:
    values: dict[str, Any] = {
        "waiting": 100, "under_way": 0, "done": 0, "elapsed": MINUTE, "preset_rate": TIER1,
        "slowdown": 1.0, **changes,
    }  # fmt: skip
    found = time_left(**values)
    return None if found is None else round(found / MINUTE, 1)


def test_before_anything_is_done_the_tiers_rate_tells_the_time() -> None:
    assert left() == 10.1, "200 requests at 20 a minute, and the reserve"
    assert left(waiting=0, under_way=100) == 5.0
    assert left(slowdown=3.0) == 30.3


def test_a_first_file_after_a_long_scan_does_not_make_hours_of_minutes() -> None:
    assert left(done=1, elapsed=20 * MINUTE) == 10.1
    assert left(done=10, elapsed=40 * MINUTE) == 30.3, "at most three times what the rate allows"


def test_a_slow_service_is_told_once_enough_is_done() -> None:
    assert left(done=100, elapsed=15 * MINUTE) == 15.0
    assert left(done=100, elapsed=MINUTE) == 10.1, "no faster than the rate"


@pytest.mark.parametrize(("done", "told"), [(0, None), (50, 20.0)])
def test_without_a_known_rate_only_what_was_measured_counts(done: int, told: float | None) -> None:
    assert left(preset_rate=None, done=done, elapsed=10 * MINUTE) == told


def test_nothing_left_takes_no_time() -> None:
    assert left(waiting=0) == 0.0
