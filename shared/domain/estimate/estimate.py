"""What a sync will come to before it is started: money, time, and room in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from shared.domain.estimate.backlog import Backlog
from shared.domain.estimate.prices import Price
from shared.domain.estimate.store_capacity import growth
from shared.domain.throttle import spacing
from shared.domain.throttle.tiers import Tier

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a dry run says of the sync that would follow it.

    Attributes:
        files: To be imported, those among them that are retried included.
        retries: Failed files to be tried again.
        removals: Documents to be deleted, if no guard refuses it.
        metered_requests: If none has to be repeated.
        seconds: That these take at the tier's rate, without waiting for another day.
        days: Quota days that they are spread over, today being the first.
        bytes: Sizes of the files to be imported.
        tokens: What they are likely to be embedded as.
        cost: Of embedding these, in ``currency``; None where the model has no known price.
        currency: ISO 4217; empty without a price.
        price_date: When the price was read, as an ISO date; empty without a price.
        storage_bytes: What all stores of the project hold now; None where that can't be read.
        storage_growth: By how many bytes they will grow.
        storage_cap: The tier's.
        refusals: What the guards would say against it.
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


def estimated(
    work: Backlog,
    *,
    tier: Tier,
    left_today: int | None,
    price: Price | None,
    storage_bytes: int | None,
    refusals: tuple[str, ...],
) -> Estimate:
    """The estimate of some work.

    Args:
        work: All that waits.
        tier: Its rate, quota and storage.
        left_today: Of the daily quota; None without one.
        price: Of embedding, if known.
        storage_bytes: What the project's stores hold now, if known.
        refusals: What the guards say against it.
    """
    requests = work.metered_requests
    time = spacing.spacing(tier.rpm, 1.0) * requests
    return Estimate(
        files=work.files,
        retries=work.retries,
        removals=work.removals,
        metered_requests=requests,
        seconds=ceil(time.total_seconds()),
        days=max(_quota_days(requests, tier.rpd, left_today), ceil(time / _DAY), 1),
        bytes=work.bytes,
        tokens=work.tokens,
        cost=price.cost(work.tokens) if price else None,
        currency=price.currency if price else "",
        price_date=price.as_of.isoformat() if price else "",
        storage_bytes=storage_bytes,
        storage_growth=growth(work.bytes - work.replaced_bytes),
        storage_cap=tier.storage_bytes,
        refusals=refusals,
    )


def _quota_days(requests: int, rpd: int | None, left_today: int | None) -> int:
    if rpd is None or left_today is None or requests <= left_today:
        return 1
    return 1 + ceil((requests - left_today) / rpd)
