from __future__ import annotations

from datetime import datetime

import pytest

from shared.domain.batch.schedule import Schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("cron", "zone", "now", "following"),
    [
        ("0 3 * * *", "Etc/UTC", "2026-03-01T02:59:59Z", "2026-03-01T03:00:00Z"),
        ("0 3 * * *", "Etc/UTC", "2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"),
        ("0 3 * * *", "Europe/Berlin", "2026-07-01T00:30:00Z", "2026-07-01T01:00:00Z"),
        ("0 3 * * *", "Europe/Berlin", "2026-01-01T00:30:00Z", "2026-01-01T02:00:00Z"),
        ("*/15 8-18 * * 1-5", "Etc/UTC", "2026-01-02T18:50:00Z", "2026-01-05T08:00:00Z"),
        ("0 0 1 1 *", "Asia/Tokyo", "2026-06-01T00:00:00Z", "2026-12-31T15:00:00Z"),
    ],
)
def test_the_next_start_follows_the_schedule_in_its_zone(
    cron: str, zone: str, now: str, following: str
) -> None:
    assert Schedule(cron, zone).next_after(at(now)) == at(following)


@pytest.mark.parametrize(
    ("cron", "zone"),
    [
        ("every day", "Etc/UTC"),
        ("0 25 * * *", "Etc/UTC"),
        ("0 0 30 2 *", "Etc/UTC"),
        ("0 3 * * *", "Moon/Sea"),
    ],
)
def test_what_is_no_schedule_is_refused(cron: str, zone: str) -> None:
    with pytest.raises(ValueError, match=r"'"):
        Schedule(cron, zone)
