"""When metered deliveries start if some come late: each at a spacing that no other one has.

The pump gives each metered request a time. But a paused queue, an outage or slow instances make
many deliveries late, and the queue then sends as many at once as its token bucket holds. So a late
delivery books a start, and while late ones are spaced, those on time give way to bookings.

Starts are booked on the pump's own grid, a whole number of intervals after the planned time. A
booking then never falls between two deliveries that come on time: it takes the place of one, which
books the next place, until a place that a late delivery has left empty ends the shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ON_TIME = timedelta(seconds=0.5)
"""A delivery that begins at most this long after its planned time is on time. The spacing leaves
0.6 s of a minute unused (``spacing.BURST_RESERVE``); the rest is for the time until the request."""

BOOKING_TIME = timedelta(seconds=0.25)
"""A start is booked at least this far ahead, so that the booking is written before its time."""

START_WAIT = timedelta(seconds=15)
"""How long a delivery waits for a start, at most. It is longer than any preset's interval (12.12 s
on ``free``), so each late delivery finds a start if no other one waits."""

SHARE_SPAN = timedelta(seconds=1)
"""The least time between two bookings in one record; Firestore sustains a write a second."""

RELIEF = 20
"""If others wait for a start, the delivery of every 20th place of a share gives its slot back.
Else deliveries would go on waiting for as long as the pump plans one for each place."""

MARK_LENGTH = timedelta(seconds=45)
"""How long the mark that late deliveries are spaced holds beyond what is booked, so that it is not
written for each booking."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bookings:
    """The starts booked in one share of the places, at ``breaker/bookings-{share}``.

    Attributes:
        next_free_at: The first time after the latest booking that is free; None before the first.
        schema_version: Version of this record's schema.
    """

    next_free_at: datetime | None = None
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Places:
    """The times at which metered requests may start, ``interval`` apart.

    They are divided into shares, each with a record of its own and a place every ``turn``.

    Attributes:
        interval: Time between two places.
        wait: How long a delivery waits for a start, at most.
    """

    interval: timedelta
    wait: timedelta

    @property
    def shares(self) -> int:
        """How many records there are; one if the interval is a second or longer."""
        return -(-SHARE_SPAN // self.interval)

    @property
    def turn(self) -> timedelta:
        """Time between two places of the same share."""
        return self.interval * self.shares

    def share(self, planned_at: datetime) -> int:
        """The share to which the place belongs."""
        return (planned_at - _EPOCH) // self.interval % self.shares

    def is_relief(self, planned_at: datetime) -> bool:
        """Whether the place's delivery gives its slot back if others wait for a start."""
        return (planned_at - _EPOCH) // self.turn % RELIEF == 0

    def first_from(self, planned_at: datetime, earliest: datetime) -> datetime:
        """The first place of the same share, not before either time.

        If places are further apart than deliveries wait, any time is a place: at such a pace one
        request more fits into a minute's quota.
        """
        if self.turn + BOOKING_TIME > self.wait:
            return max(planned_at, earliest)
        turns = -((planned_at - earliest) // self.turn)
        return planned_at + self.turn * max(turns, 0)


def is_late(at: datetime, now: datetime) -> bool:
    """Whether it is too late to start now what was planned or booked for ``at``."""
    return now - at > ON_TIME


def bookable(
    places: Places, bookings: Bookings, planned_at: datetime, now: datetime, latest: datetime
) -> datetime | None:
    """The start that a delivery may book, at ``latest`` at the latest; None if it must give way."""
    own = now + BOOKING_TIME if is_late(planned_at, now) else planned_at
    first = places.first_from(planned_at, own)
    free_at = bookings.next_free_at
    if free_at is None or free_at <= first:
        return first if first <= latest else None
    start = places.first_from(planned_at, max(free_at, own))
    return start if start <= latest and not places.is_relief(planned_at) else None


def booked(places: Places, start: datetime) -> Bookings:
    """The record of a share with ``start`` as its latest booking."""
    return Bookings(start + places.turn)


def mark_until(places: Places, now: datetime, marked_until: datetime | None) -> datetime | None:
    """Until when deliveries must look for bookings, if one is made now; None if that is marked."""
    needed = now + places.wait + places.turn
    if marked_until is not None and marked_until >= needed:
        return None
    return needed + MARK_LENGTH
