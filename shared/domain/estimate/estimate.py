"""Estimates a sync before it starts: its cost, its time, and the storage it needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from shared.domain.estimate.backlog import Backlog
from shared.domain.estimate.budget import DayLimit, Load
from shared.domain.estimate.prices import Price
from shared.domain.estimate.storage_reading import StorageUse
from shared.domain.estimate.store_capacity import growth
from shared.domain.throttle import spacing
from shared.domain.throttle.tiers import Tier

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A dry run's estimate of the sync that would follow it.

    Attributes:
        files: Files to import, with those to try again.
        retries: Failed files to try again.
        removals: Documents to delete, if no guard refuses.
        metered_requests: Requests that count for the quota, if none has to be repeated.
        seconds: Seconds at the tier's rate, without waits for quota.
        days: Quota days over which the requests are spread, counting today.
        budget_days: Quota days over which the limit of a day's cost spreads them, counting today.
        syncs: Syncs over which ``MAX_IMPORTS_PER_SYNC`` spreads them.
        bytes: Total size of the files to import.
        tokens: Estimated number of tokens to embed.
        cost: Estimated cost of embedding them, in ``currency``; None without a known price.
        currency: ISO 4217; empty without a known price.
        price_date: ISO date on which the price was read; empty without a known price.
        metadata_changed_files: Files among those to import whose metadata alone changed.
        metadata_changed_cost: Estimated cost of these; None without a known price.
        cost_per_day: What a quota day's imports may cost; None without a limit.
        cost_left_today: What is left of it today; None without a limit.
        storage_bytes: Bytes that all stores of the project report now; None if that can't be read.
        storage_used: Bytes in use, as the limit counts them; None likewise.
        storage_growth: Bytes by which the store is estimated to grow, as the limit counts them.
        storage_cap: Bytes that all stores of the project may hold: the tier's limit, or the one
            that the service named.
        storage_judged_by: How ``storage_used`` follows from ``storage_bytes``, and from where that
            is known; empty if these can't be read.
        refusals: The messages of the guards that would refuse the sync.
    """

    files: int
    retries: int
    removals: int
    metered_requests: int
    seconds: int
    days: int
    bytes: int
    tokens: int
    cost: float | None
    currency: str
    price_date: str
    storage_bytes: int | None
    storage_growth: int
    storage_cap: int
    refusals: tuple[str, ...] = ()
    storage_used: int | None = None
    storage_judged_by: str = ""
    budget_days: int = 1
    syncs: int = 1
    metadata_changed_files: int = 0
    metadata_changed_cost: float | None = None
    cost_per_day: float | None = None
    cost_left_today: float | None = None


def estimated(
    work: Backlog,
    *,
    tier: Tier,
    left_today: int | None,
    price: Price | None,
    storage: StorageUse | None,
    refusals: tuple[str, ...],
    budget: DayLimit | None = None,
    max_imports: int | None = None,
) -> Estimate:
    """Estimate a sync.

    Args:
        work: All work that waits.
        tier: The tier, with its rate, daily quota and storage.
        left_today: Requests left of today's quota; None without a daily quota.
        budget: The limit of a day's cost; None without one.
        max_imports: Most imports of a sync; None without a limit.
        price: The price of embedding; None if it isn't known.
        storage: How much of the project's storage is used; None if that isn't known.
        refusals: The messages of the guards that would refuse.
    """
    requests = work.metered_requests
    cost = price.cost(work.tokens) if price else None
    by_cost = budget.days(Load(work.files, cost)) if budget and cost is not None else 1
    time = spacing.spacing(tier.rpm, 1.0) * requests
    return Estimate(
        files=work.files,
        retries=work.retries,
        removals=work.removals,
        metered_requests=requests,
        seconds=ceil(time.total_seconds()),
        days=max(_quota_days(requests, tier.rpd, left_today), ceil(time / _DAY), 1),
        budget_days=by_cost,
        syncs=max(ceil(work.files / max_imports), 1) if max_imports else 1,
        bytes=work.bytes,
        tokens=work.tokens,
        cost=cost,
        metadata_changed_files=work.metadata_files,
        metadata_changed_cost=price.cost(work.metadata_tokens) if price else None,
        cost_per_day=budget.limit if budget else None,
        cost_left_today=budget.left if budget else None,
        currency=price.currency if price else "",
        price_date=price.as_of.isoformat() if price else "",
        storage_bytes=storage.reported if storage else None,
        storage_growth=growth(work.bytes - work.replaced_bytes),
        storage_cap=storage.cap if storage else tier.storage_bytes,
        refusals=refusals,
        storage_used=storage.used if storage else None,
        storage_judged_by=storage.judged_by if storage else "",
    )


def _quota_days(requests: int, rpd: int | None, left_today: int | None) -> int:
    if rpd is None or left_today is None or requests <= left_today:
        return 1
    return 1 + ceil((requests - left_today) / rpd)
