"""Holds: they stop the pump where slowing down would not help.

A 429 can mean that the daily quota, the storage or a spending limit is used up; a 401 or 403 for
every call means that the key or the account is at fault. The breaker does not handle these.
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
    """Why metered calls are stopped: a used-up allowance (as in ``QuotaKind``), or the account.

    The last two stop new imports only. They are no ``Hold`` but stand in the batch.
    """

    DAY = "day"
    STORAGE = "storage"
    SPEND = "spend"
    ACCOUNT = "account"
    BUDGET = "budget"
    """A limit of the deployment is reached."""
    OTHER_DEPLOYMENT = "other_deployment"
    """Another deployment writes documents with our owner tag."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when metered calls are stopped, and why. The defaults stop nothing."""

    hold_until: datetime = _NEVER
    reason: HoldReason = HoldReason.DAY
    schema_version: int = 1
    set_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPolicy:
    """How long a hold lasts for each reason; then a call shows whether the reason still applies.

    Attributes:
        reset_margin: Time added to the end of the quota day, since clocks differ. Never scaled,
            as the service's midnight isn't either.
        storage: A hold for full storage ends when somebody deletes documents or changes the tier.
        spend: A hold for the spending limit ends when somebody raises it, or with the month.
        account: A hold for the account ends when somebody repairs the key or a permission, which
            is often soon.
    """

    reset_margin: FixedTime = timedelta(minutes=1)
    storage: timedelta = timedelta(hours=1)
    spend: timedelta = timedelta(hours=1)
    account: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        """Check that every hold has a length.

        Raises:
            ValueError: Names every rule that is broken.
        """
        rules = {
            "0 <= reset_margin": self.reset_margin >= timedelta(0),
            "0 < storage": self.storage > timedelta(0),
            "0 < spend": self.spend > timedelta(0),
            "0 < account": self.account > timedelta(0),
        }
        broken = [rule for rule, kept in rules.items() if not kept]
        if broken:
            raise ValueError("the hold policy breaks these rules: " + "; ".join(broken))


def quota_day(now: datetime) -> date:
    """The Pacific calendar day to whose quota a request made now counts."""
    return now.astimezone(PACIFIC).date()


def quota_day_began(now: datetime) -> datetime:
    """The latest midnight in Pacific time, in UTC."""
    return datetime.combine(quota_day(now), time(), PACIFIC).astimezone(UTC)


def next_quota_reset(now: datetime) -> datetime:
    """The next midnight in Pacific time, in UTC; always after ``now``."""
    tomorrow = quota_day(now) + timedelta(days=1)
    return datetime.combine(tomorrow, time(), PACIFIC).astimezone(UTC)


def hold_for(reason: HoldReason, now: datetime, policy: HoldPolicy) -> Hold:
    """The hold that begins now.

    It ignores the service's Retry-After, which is far too short for these reasons.
    """
    until = {
        HoldReason.DAY: next_quota_reset(now) + policy.reset_margin,
        HoldReason.STORAGE: now + policy.storage,
        HoldReason.SPEND: now + policy.spend,
        HoldReason.ACCOUNT: now + policy.account,
    }[reason]
    return Hold(hold_until=until, reason=reason, set_at=now)


def in_force(hold: Hold | None, now: datetime) -> Hold | None:
    """The hold, or None if there is none or it has expired."""
    return hold if hold is not None and now < hold.hold_until else None


def merge(current: Hold | None, new: Hold, now: datetime) -> Hold:
    """Choose the hold to keep: one for the account, since every call fails; else the later end.

    If the reason of the dropped hold still applies afterwards, one call sets that hold again.
    """
    standing = in_force(current, now)
    if standing is None:
        return new
    if (standing.reason is HoldReason.ACCOUNT) is not (new.reason is HoldReason.ACCOUNT):
        return standing if standing.reason is HoldReason.ACCOUNT else new
    return standing if standing.hold_until >= new.hold_until else new
