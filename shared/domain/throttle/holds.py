"""Holds: allowances that waiting a little does not bring back, and that stop the pump.

A 429 may mean the day's quota, full storage or a spending limit; a 401 or 403 on everything means
the account. Slowing down helps none of them, so they are no business of the breaker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shared.domain.time_scale import FixedTime

PACIFIC = ZoneInfo("America/Los_Angeles")
"""Gemini's quota day ends at midnight here: https://ai.google.dev/gemini-api/docs/rate-limits"""

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class HoldReason(StrEnum):
    """What ran out. The values are those of ``QuotaKind``, plus the account's own fault."""

    DAY = "day"
    STORAGE = "storage"
    SPEND = "spend"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Hold:
    """What is stopped until when, and why. The defaults hold nothing."""

    hold_until: datetime = _NEVER
    reason: HoldReason = HoldReason.DAY
    schema_version: int = 1
    set_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPolicy:
    """How long each reason holds before one call may find out whether it still stands.

    Attributes:
        reset_margin: Added to the quota day's end, for clocks that differ. Never scaled: the
            service's midnight isn't either.
        storage: Somebody has to delete something or move up a tier.
        spend: Somebody has to raise the limit, or the month to end.
        account: Somebody has to mend a key or a permission, often at once.
    """

    reset_margin: FixedTime = timedelta(minutes=1)
    storage: timedelta = timedelta(hours=1)
    spend: timedelta = timedelta(hours=1)
    account: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        """Refuse durations that would hold nothing.

        Raises:
            ValueError: Names every rule broken.
        """
        rules = {
            "0 <= reset_margin": self.reset_margin >= timedelta(0),
            "0 < storage": self.storage > timedelta(0),
            "0 < spend": self.spend > timedelta(0),
            "0 < account": self.account > timedelta(0),
        }
        broken = [rule for rule, kept in rules.items() if not kept]
        if broken:
            raise ValueError("hold policy must keep: " + "; ".join(broken))


def quota_day(now: datetime) -> date:
    """The Pacific calendar day whose quota a request made now draws on."""
    return now.astimezone(PACIFIC).date()


def quota_day_began(now: datetime) -> datetime:
    """The latest midnight in Pacific time, in UTC."""
    return datetime.combine(quota_day(now), time(), PACIFIC).astimezone(UTC)


def next_quota_reset(now: datetime) -> datetime:
    """The next midnight in Pacific time, in UTC; always after ``now``."""
    tomorrow = quota_day(now) + timedelta(days=1)
    return datetime.combine(tomorrow, time(), PACIFIC).astimezone(UTC)


def hold_for(reason: HoldReason, now: datetime, policy: HoldPolicy) -> Hold:
    """The hold that begins now. The service's own Retry-After is misleadingly short for these."""
    until = {
        HoldReason.DAY: next_quota_reset(now) + policy.reset_margin,
        HoldReason.STORAGE: now + policy.storage,
        HoldReason.SPEND: now + policy.spend,
        HoldReason.ACCOUNT: now + policy.account,
    }[reason]
    return Hold(hold_until=until, reason=reason, set_at=now)


def in_force(hold: Hold | None, now: datetime) -> Hold | None:
    """The hold, if there is one that hasn't expired."""
    return hold if hold is not None and now < hold.hold_until else None


def merge(current: Hold | None, new: Hold, now: datetime) -> Hold:
    """The one hold to keep: an account fault first, since it fails every call; else the later end.

    What the dropped one knew is learned again, at the price of one call, once the other is over.
    """
    standing = in_force(current, now)
    if standing is None:
        return new
    if (standing.reason is HoldReason.ACCOUNT) is not (new.reason is HoldReason.ACCOUNT):
        return standing if standing.reason is HoldReason.ACCOUNT else new
    return standing if standing.hold_until >= new.hold_until else new
