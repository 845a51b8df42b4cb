"""When metered requests may be made: evenly spaced, and planned only a short time ahead.

Cloud Tasks' token bucket starts full, so tasks that are all due at once would exceed a per-minute
quota. Giving each request its own time prevents that burst; the queue's rate stays the upper bound.
``late_starts`` is for deliveries that come later than planned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

BURST_RESERVE = 0.01
"""Spacing is longer by this share, so that jittery deliveries can't exceed the preset rate."""


@dataclass(frozen=True, slots=True)
class Start:
    """How metered requests start after a pause.

    Attributes:
        lead: Time until the first request, long enough to create the tasks before they are due.
        warm_up: Requests run at half the rate for this long. Cold instances delay the first
            requests; at half the rate, these and the requests after them still fit into the
            quota of the same minute.
    """

    lead: timedelta = timedelta(seconds=1)
    warm_up: timedelta = timedelta(seconds=6)


def spacing(rpm: float, slowdown: float) -> timedelta:
    """Time between two metered requests at ``rpm`` a minute, times ``slowdown`` (at least 1)."""
    return timedelta(seconds=60.0 / rpm) * max(slowdown, 1.0) * (1 + BURST_RESERVE)


def free_slots(
    *,
    now: datetime,
    next_slot_at: datetime | None,
    interval: timedelta,
    horizon: timedelta,
    start: Start,
) -> list[datetime]:
    """Times of the metered requests that may be planned now, up to ``now + horizon``.

    ``next_slot_at`` is the first time that no request has yet. If it has passed, the missed
    requests are not made up for. The next ones are a whole number of intervals after it, since a
    delivery that was planned before may still come, late, and then starts at such a time.
    """
    end = now + horizon
    at, warm_at = next_slot_at, now
    if at is None or at < now:
        first = now + start.lead
        at = first if at is None else at - (at - first) // interval * interval
        warm_at = at + start.warm_up
    slots = []
    while at <= end:
        slots.append(at)
        at += interval * 2 if at < warm_at else interval
    return slots
