"""The writer's lease: one batch at a time writes plans, batches and records.

It guarantees:

- At most one holder has a live lease by the database's clock. Each change is one conditional write
  on the record that was read, and every time compared here is the database's read time, so skewed
  local clocks don't matter.
- The fence increases with every acquisition and never decreases, so writes of an earlier holder can
  be refused.
- After an unclean end, another holder starts only ``takeover_delay`` later.

It does not guarantee:

- That a holder notices the loss if it is paused before it acts. The database refuses its writes by
  their fence. Gemini can't check a fence, so only the delay protects it, and only if the pause is
  shorter.
- That a deleted record is noticed by itself: the caller passes the highest fence of the other
  records as ``floor``, so that no fence is given out twice.
- Fairness: after the end, whoever asks first gets the lease.

``2 x renew_interval <= duration``, so that one missed tick doesn't end the lease.
``takeover_delay`` is at least one function timeout, since a process of the last holder may run that
long.

Functions take the record as read and return the new one; if it is the same object, nothing is to be
written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.domain.errors import LostLease, SyncError

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class LeaseHeld(SyncError):
    """Another holder has the lease, or may still be working; ask again at ``until``."""

    def __init__(self, holder: str, until: datetime) -> None:
        super().__init__(f"the writer's lease is held by {holder} until {until.isoformat()}")
        self.holder = holder
        self.until = until


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease's record, at ``locks/writer``. The defaults are a lease that nobody has held yet.

    Attributes:
        holder: The batch that has the lease, or had it last.
        nonce: A new value for each acquisition, to tell two acquisitions by one batch apart.
        fence: Number of this acquisition; increases by one with each and is never reset.
        acquired_at: When this holder got it.
        expires_at: When it ends unless renewed.
        released: Whether the holder has released it, which is a clean end.
        taken_over: Whether the holder before this one ended without releasing it.
        first_slot_at: No metered request of the next holder is planned before this time, since the
            last one's came shortly before; None if it made none.
        schema_version: Version of this record's schema.
    """

    holder: str = ""
    nonce: str = ""
    fence: int = 0
    acquired_at: datetime = _NEVER
    expires_at: datetime = _NEVER
    released: bool = True
    taken_over: bool = False
    first_slot_at: datetime | None = None
    schema_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePolicy:
    """How long a lease lasts, and the gap between two holders.

    Attributes:
        duration: Time from an acquisition or renewal to the lease's end.
        renew_interval: Time between two renewals by the supervisor.
        takeover_delay: Time between an unclean end and the next acquisition; at least one function
            timeout.
    """

    duration: timedelta = timedelta(minutes=5)
    renew_interval: timedelta = timedelta(minutes=1)
    takeover_delay: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        """Check that the durations agree with each other.

        Raises:
            ValueError: Names every rule that is broken.
        """
        zero = timedelta(0)
        rules = {
            "0 < renew_interval": zero < self.renew_interval,
            "0 < takeover_delay": zero < self.takeover_delay,
            "2 x renew_interval <= duration": 2 * self.renew_interval <= self.duration,
        }
        broken = [rule for rule, kept in rules.items() if not kept]
        if broken:
            raise ValueError("the lease policy breaks these rules: " + "; ".join(broken))


def may_take_over_at(lease: Lease, policy: LeasePolicy) -> datetime:
    """When another holder may acquire the lease, if it isn't renewed or released before."""
    return lease.expires_at if lease.released else lease.expires_at + policy.takeover_delay


def acquire(
    lease: Lease | None,
    holder: str,
    nonce: str,
    now: datetime,
    policy: LeasePolicy,
    *,
    floor: int = 0,
) -> Lease:
    """Acquire the lease with the next fence.

    If this acquisition already holds the live lease (since an earlier reply was lost), returns that
    lease.

    Args:
        lease: The record as read; None if nobody has held the lease yet, or if it was deleted.
        holder: The batch that asks.
        nonce: A new value for this acquisition.
        now: The database's read time.
        policy: The lease's durations.
        floor: The highest fence that any record was written under; the new one is higher.

    Raises:
        LeaseHeld: Another holder has it, or ended uncleanly less than ``takeover_delay`` ago.
    """
    last = lease or Lease()
    if _is_live(last, now) and (last.holder, last.nonce) == (holder, nonce):
        return last
    until = may_take_over_at(last, policy)
    if now < until:
        raise LeaseHeld(last.holder, until)
    return Lease(
        holder=holder,
        nonce=nonce,
        fence=max(last.fence, floor) + 1,
        acquired_at=now,
        expires_at=now + policy.duration,
        released=False,
        taken_over=not last.released,
    )


def renew(
    lease: Lease | None, holder: str, nonce: str, fence: int, now: datetime, policy: LeasePolicy
) -> Lease:
    """Extend the lease; fence and nonce stay. A lease that has ended can't be renewed.

    One that was extended less than ``renew_interval`` ago stays as it is.

    Raises:
        LostLease: It has ended, was released, or belongs to another holder.
    """
    own = _live_lease_of(lease, holder, nonce, fence, now)
    is_fresh = own.expires_at - now > policy.duration - policy.renew_interval
    return own if is_fresh else replace(own, expires_at=now + policy.duration)


def release(lease: Lease | None, holder: str, nonce: str, fence: int, now: datetime) -> Lease:
    """Release the lease, even if it has ended, so that others may start at once.

    The fence stays, and the next acquisition increases it. Releasing twice changes nothing.

    Raises:
        LostLease: It belongs to another holder by now.
    """
    own = _lease_of(lease, holder, nonce, fence)
    if own.released:
        return own
    return replace(own, released=True, expires_at=min(own.expires_at, now))


def _is_live(lease: Lease, now: datetime) -> bool:
    return not lease.released and now < lease.expires_at


def _lease_of(lease: Lease | None, holder: str, nonce: str, fence: int) -> Lease:
    if lease is None or (lease.holder, lease.nonce, lease.fence) != (holder, nonce, fence):
        raise LostLease(f"{holder} no longer has the writer's lease (fence {fence})")
    return lease


def _live_lease_of(
    lease: Lease | None, holder: str, nonce: str, fence: int, now: datetime
) -> Lease:
    own = _lease_of(lease, holder, nonce, fence)
    if not _is_live(own, now):
        raise LostLease(f"the lease of {holder} ended at {own.expires_at.isoformat()}")
    return own
