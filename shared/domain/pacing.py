"""When metered requests may be made: one after the other, evenly, a small window ahead.

Cloud Tasks' token bucket starts full and would burst over a per-minute quota. Requests that are
each due at a time of their own never let it; the queue's rate stays the hard ceiling.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import floor

BURST_RESERVE = 0.01
"""Part of the interval that spacing adds, so that jitter of dispatches can't exceed the preset."""


def spacing(rpm: float, slowdown: float) -> timedelta:
    """Time between two metered requests at ``rpm`` requests a minute, slowed by a factor >= 1."""
    return timedelta(seconds=60.0 / rpm) * max(slowdown, 1.0) * (1 + BURST_RESERVE)


def free_slots(
    *, now: datetime, next_slot_at: datetime | None, interval: timedelta, horizon: timedelta
) -> list[datetime]:
    """Times of the metered requests that may be planned now, up to ``now + horizon``.

    ``next_slot_at`` is the first time not yet given away; one that has passed is not made up for.
    """
    first = max(next_slot_at or now, now)
    end = now + horizon
    if first >= end:
        return []
    return [first + interval * n for n in range(floor((end - first) / interval) + 1)]
