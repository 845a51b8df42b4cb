"""When metered requests may be made: one after the other, evenly, a small window ahead.

Cloud Tasks' token bucket starts full and would burst over a per-minute quota. Requests that are
each due at a time of their own never let it; the queue's rate stays the hard ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

BURST_RESERVE = 0.01
"""Part of the interval that spacing adds, so that jitter of dispatches can't exceed the preset."""


@dataclass(frozen=True, slots=True)
class Start:
    """How requests begin after a pause.

    Attributes:
        lead: Until the first of them: by then their tasks are made, and none is overdue.
        warm_up: So long they come at half the rate: what cold instances delay then, comes
            together with what follows without exceeding the quota of that minute.
    """

    lead: timedelta = timedelta(seconds=1)
    warm_up: timedelta = timedelta(seconds=6)


def spacing(rpm: float, slowdown: float) -> timedelta:
    """Time between two metered requests at ``rpm`` requests a minute, slowed by a factor >= 1."""
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

    ``next_slot_at`` is the first time not yet given away; one that has passed is not made up for.
    """
    end = now + horizon
    at, warm_at = next_slot_at, now
    if at is None or at < now:
        at, warm_at = now + start.lead, now + start.lead + start.warm_up
    slots = []
    while at <= end:
        slots.append(at)
        at += interval * 2 if at < warm_at else interval
    return slots
