"""Rules for simulations: shorter times in the same order as the deployed ones.

So fewer idle calls of Cloud Scheduler are played.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random

from shared.domain.batch.lease import LeasePolicy
from shared.domain.deployment.rules import Rules
from shared.domain.deployment.settings import Settings
from shared.domain.file.file_policy import FilePolicy
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.holds import HoldPolicy
from shared.domain.throttle.tiers import Tier
from tests.world import changed_rules

FUNCTION_TIMEOUT = timedelta(seconds=150)
"""A caller gives up after this time, and the watchdog ends the instance; only one that was frozen
makes another call or two."""

DISPATCH_DEADLINE = FUNCTION_TIMEOUT + timedelta(seconds=5)

_TIERS = tuple(
    Tier(
        name=f"{rpm} a minute",
        rpm=rpm,
        unmetered_rpm=rpm * 10,
        rpd=rpd,
        max_concurrent_dispatches=50,
        max_imports_in_progress=50,
        storage_bytes=10**9,
    )
    for rpm, rpd in ((6, None), (20, None), (20, None), (200, None), (200, 30))
)


LARGE_EVERY = 100
"""One seed in so many is large: its number is a multiple of this."""

_LARGE_TIER = Tier(
    name="large",
    rpm=2000,
    unmetered_rpm=20_000,
    rpd=None,
    max_concurrent_dispatches=500,
    max_imports_in_progress=20,
    storage_bytes=10**9,
)


IMPORTS_BOUNDS = (None, 25, 60)
"""Imports in progress that the service bears, of which each large seed has one."""


def is_large(seed: int) -> bool:
    """Whether the seed has 600 to 1,200 files, which crosses each limit of 100, 500 and 1,000."""
    return seed % LARGE_EVERY == 0


def rules_of(chance: Random, *, large: bool) -> Rules:
    """The rules of one seed."""
    settings = Settings(
        bucket="library",
        deployment="simulation",
        store_display_name="simulated store",
        tier=chance.choice(_TIERS),
        expected_fields=(),
    )
    rules = Rules(
        settings=settings,
        file=FilePolicy(
            claim_lifetime=timedelta(seconds=220),
            overdue_grace=timedelta(seconds=60),
            max_attempts=3,
            backoff_most=timedelta(seconds=60),
            active_deadline=timedelta(seconds=240),
            import_deadline=timedelta(seconds=300),
            failed_grace=timedelta(seconds=120),
            raw_reserve=timedelta(seconds=120),
        ),
        breaker=BreakerPolicy(
            window_size=20,
            consecutive_threshold=chance.choice((2, 3)),
            cooldown=timedelta(seconds=chance.choice((15, 120))),
            cooldown_cap=timedelta(minutes=8),
            retry_after_cap=timedelta(minutes=10),
            permit_lifetime=timedelta(seconds=220),
            half_open_probes=chance.choice((1, 3)),
        ),
        holds=HoldPolicy(
            storage=timedelta(minutes=8), spend=timedelta(minutes=8), account=timedelta(minutes=3)
        ),
        lease=LeasePolicy(takeover_delay=timedelta(seconds=160)),
        page_size=chance.choice((2, 3, 5, 998)),
        work_budget=timedelta(seconds=110),
    )
    if large:
        return changed_rules(
            rules,
            tier=_LARGE_TIER,
            page_size=chance.choice((100, 998, 998)),
            max_imports_in_progress=chance.choice((50, 500)),
        )
    return changed_rules(
        rules,
        reconcile_days=chance.choice((7, 1 / 24)),
        max_imports_in_progress=chance.choice((2, 5, 50)),
        batch_max_age=chance.choice((timedelta(minutes=20), timedelta(hours=23))),
    )
