"""The writer's lease: one batch at a time writes plans, batches and records.

It guarantees
- at most one holder whose lease is live by the store's clock: each change is one conditional
  write on the record that was read, and every time compared here is the store's read time, so
  skewed local clocks don't matter;
- a fence that grows with every acquisition and never goes back, so that a store that checks it
  refuses whoever was overtaken;
- a gap: after an unclean end others start only ``takeover_delay`` later.

It does not guarantee
- that a holder that is paused before it acts notices: the database refuses its writes by their
  fence, but for what can't check one (Gemini) only the gap protects, and only as long as the pause
  is shorter than the gap;
- anything, once the record is deleted: the fence would begin again. Never delete it;
- fairness: whoever asks first after the end gets it.

Durations nest: ``2 x renew_interval <= duration``, so that one missed tick loses nothing;
``takeover_delay`` is at least one function timeout, which is as long as a process of the last
holder may live.

Functions take the record as read and return the new one; the same object means there is nothing
to write.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.domain.errors import LostLease, SyncError

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class LeaseHeld(SyncError):
    """Another holder has it, or may still be working; ask again at ``until``."""

    def __init__(self, holder: str, until: datetime) -> None:
        super().__init__(f"the writer's lease is held by {holder} until {until.isoformat()}")
        self.holder = holder
        self.until = until


@dataclass(frozen=True, slots=True)
class Lease:
    """At ``locks/writer``. The defaults are a lease that nobody has held.

    Attributes:
        holder: The batch that has it, or had it last.
        nonce: Made anew for each acquisition; tells two acquisitions of one batch apart.
        fence: Number of this acquisition; grows by one with each, never reset.
        acquired_at: When this holder got it.
        expires_at: When it ends unless renewed.
        released: Whether the holder said that its work had ended.
        taken_over: Whether this holder followed one that never said so.
        schema_version: Of this record.
    """

    holder: str = ""
    nonce: str = ""
    fence: int = 0
    acquired_at: datetime = _NEVER
    expires_at: datetime = _NEVER
    released: bool = True
    taken_over: bool = False
    schema_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasePolicy:
    """How long a lease lasts, and the gap between two holders.

    Attributes:
        duration: From an acquisition or renewal to the end.
        renew_interval: How often the supervisor comes by to renew.
        takeover_delay: How long after an unclean end others may start: one function timeout.
    """

    duration: timedelta = timedelta(minutes=5)
    renew_interval: timedelta = timedelta(minutes=1)
    takeover_delay: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        """Refuse durations that don't nest.

        Raises:
            ValueError: Names every rule broken.
        """
        zero = timedelta(0)
        rules = {
            "0 < renew_interval": zero < self.renew_interval,
            "0 < takeover_delay": zero < self.takeover_delay,
            "2 x renew_interval <= duration": 2 * self.renew_interval <= self.duration,
        }
        broken = [rule for rule, kept in rules.items() if not kept]
        if broken:
            raise ValueError("lease policy must keep: " + "; ".join(broken))


def may_take_over_at(lease: Lease, policy: LeasePolicy) -> datetime:
    """From when on anybody may acquire it, if nothing changes until then."""
    return lease.expires_at if lease.released else lease.expires_at + policy.takeover_delay


def acquire(
    lease: Lease | None, holder: str, nonce: str, now: datetime, policy: LeasePolicy
) -> Lease:
    """Take the lease under the next fence.

    A repeat of the acquisition that holds the live lease (its reply was lost) gets that lease.

    Raises:
        LeaseHeld: It is live, or ended uncleanly too short a time ago.
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
        fence=last.fence + 1,
        acquired_at=now,
        expires_at=now + policy.duration,
        released=False,
        taken_over=not last.released,
    )


def renew(
    lease: Lease | None, holder: str, nonce: str, fence: int, now: datetime, policy: LeasePolicy
) -> Lease:
    """Move the end on; fence and nonce stay. An ended lease is never renewed.

    Raises:
        LostLease: It ended, was released, or is another's.
    """
    own = _live_lease_of(lease, holder, nonce, fence, now)
    return replace(own, expires_at=max(own.expires_at, now + policy.duration))


def release(lease: Lease | None, holder: str, nonce: str, fence: int, now: datetime) -> Lease:
    """Say that the work has ended, even after the lease did; others may start at once.

    The fence stays, so that the next acquisition goes on from it. Repeating it changes nothing.

    Raises:
        LostLease: It is another's by now.
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
