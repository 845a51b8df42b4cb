"""Calculates the rate of requests from their times."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class RequestRate:
    """The metered requests of one run.

    Attributes:
        times: The time of each request, in seconds on any clock, in order.
        until: The end of the measurement, on the same clock.
        per_minute: The intended rate.
    """

    times: Sequence[float]
    until: float
    per_minute: int

    def minutes(self) -> list[int]:
        """Return the number of requests in each whole minute since the first request."""
        if not self.times:
            return []
        began = self.times[0]
        whole = int((self.until - began) // MINUTE)
        counts = Counter(int((time - began) // MINUTE) for time in self.times)
        return [counts[minute] for minute in range(whole)]

    def least_utilisation(self) -> float:
        """Return the fraction of the rate used in the slowest minute after the first; 0 if none."""
        return min(self.minutes()[1:], default=0) / self.per_minute

    def peak(self) -> int:
        """Return the largest number of requests in any 60 s, excluding the earlier end."""
        firsts = (bisect_right(self.times, time - MINUTE) for time in self.times)
        return max((last + 1 - first for last, first in enumerate(firsts)), default=0)


def surplus(dispatches: Sequence[float], requests: Sequence[float]) -> int:
    """Return the largest excess of requests over dispatches at any moment.

    If each dispatch makes at most one request, the result is 0 or less: there were never more
    requests than dispatches that had begun.

    Args:
        dispatches: The time at which each dispatch began.
        requests: The time of each request, on the same clock.
    """
    begun = sorted(dispatches)
    return max(
        (made - bisect_right(begun, time) for made, time in enumerate(sorted(requests), start=1)),
        default=0,
    )
