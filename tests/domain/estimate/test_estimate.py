from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.estimate.backlog import Backlog
from shared.domain.estimate.estimate import Estimate, estimated
from shared.domain.throttle.tiers import tier_named


def estimate(
    uploads: int, *, rpm: int = 60, rpd: int | None = None, left: int | None = None
) -> Estimate:
    return estimated(
        Backlog(uploads=uploads),
        tier=replace(tier_named("tier1"), rpm=rpm, rpd=rpd),
        left_today=left,
        price=None,
        storage=None,
        refusals=(),
    )


@pytest.mark.parametrize(("uploads", "seconds"), [(0, 0), (50, 101), (500, 1010)])
def test_the_time_is_that_of_the_requests_at_the_tiers_rate(uploads: int, seconds: int) -> None:
    assert estimate(uploads).seconds == seconds


@pytest.mark.parametrize(
    ("uploads", "left", "days"),
    [(0, 0, 1), (20, 40, 1), (20, 39, 2), (20, 0, 2), (70, 40, 2), (71, 40, 3), (50, 0, 2)],
)
def test_what_exceeds_the_daily_quota_is_spread_over_days(
    uploads: int, left: int, days: int
) -> None:
    assert estimate(uploads, rpd=100, left=left).days == days


def test_without_a_daily_quota_the_rate_alone_makes_days() -> None:
    assert estimate(40_000).days == 1
    assert estimate(50_000).days == 2


def test_a_sync_that_shrinks_the_store_is_not_said_to_grow_it() -> None:
    shrinks = estimated(
        Backlog(uploads=1, bytes=10, replaced_bytes=30),
        tier=tier_named("free"),
        left_today=100,
        price=None,
        storage=None,
        refusals=(),
    )
    assert shrinks.storage_growth == 0
