"""The rate that whole syncs reach while the service answers some calls with 429."""

from __future__ import annotations

from statistics import mean

import pytest

from shared.domain.throttle.tiers import tier_named
from tests.benchmarks.quota.load import POLLS, SteadyShare, TokenBucket, sync
from tests.benchmarks.quota.service import METERED

PRESET = tier_named("tier1").rpm


def of_preset(share: float, calls: tuple[str, ...], seed: int) -> float:
    run = sync("tier1", 100, SteadyShare(share, calls, seed))
    assert run.finished
    return run.rate / PRESET


@pytest.mark.parametrize("calls", [METERED, METERED + POLLS], ids=["metered calls", "any call"])
def test_one_429_in_a_hundred_that_is_not_about_the_rate_costs_little(
    calls: tuple[str, ...],
) -> None:
    assert of_preset(0.01, calls, seed=1) > 0.8


def test_one_429_in_ten_costs_no_more_than_the_time_the_breaker_is_open() -> None:
    """A single run may have worse luck: one in ten is below this."""
    assert mean(of_preset(0.10, METERED, seed) for seed in (1, 2, 3)) > 0.2


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_true_limit_below_the_preset_is_found_and_used_with_few_429s(share: float) -> None:
    limit = share * PRESET
    run = sync("tier1", 250, TokenBucket(limit))
    later = run.settled()

    assert run.finished
    assert run.refused <= 20
    assert later.refused_share < 0.05
    assert later.rate > 0.6 * limit
