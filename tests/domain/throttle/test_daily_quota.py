from __future__ import annotations

import pytest

from shared.domain.throttle.daily_quota import DailyQuota


@pytest.mark.parametrize(
    ("left", "owed", "waiting", "uploads", "tomorrow"),
    [
        (10, 0, 3, 5, 0),
        (10, 0, 8, 5, 3),
        (11, 0, 8, 6, 3),
        (5, 5, 3, 0, 3),
        (4, 5, 3, 0, 4),
        (1, 0, 1, 1, 1),
        (0, 0, 4, 0, 4),
        (10, 0, 0, 5, 0),
    ],
)
def test_no_upload_takes_what_an_earlier_ones_import_will_need(
    left: int, owed: int, waiting: int, uploads: int, tomorrow: int
) -> None:
    quota = DailyQuota(left, owed, waiting)
    assert (quota.uploads, quota.tomorrow) == (uploads, tomorrow)
