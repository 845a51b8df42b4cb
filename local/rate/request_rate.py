"""How fast requests came, worked out from when each of them came."""

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
        times: Of each request, in seconds on any clock, in order.
        until: When the measuring ended, on the same clock.
        per_minute: The rate that was wanted.
    """

    times: Sequence[float]
    until: float
    per_minute: int

    def minutes(self) -> list[int]:
        """Return the requests in each whole minute since the first one."""
        if not self.times:
            return []
        began = self.times[0]
        whole = int((self.until - began) // MINUTE)
        counts = Counter(int((time - began) // MINUTE) for time in self.times)
        return [counts[minute] for minute in range(whole)]

    def least_utilisation(self) -> float:
        """Return the share of the rate used in the slowest minute but the first; 0 without one."""
        return min(self.minutes()[1:], default=0) / self.per_minute

    def peak(self) -> int:
        """Return the largest number of requests in any 60 s, the earlier end excluded."""
        firsts = (bisect_right(self.times, time - MINUTE) for time in self.times)
        return max((last + 1 - first for last, first in enumerate(firsts)), default=0)


def surplus(dispatches: Sequence[float], requests: Sequence[float]) -> int:
    """Return by how many the requests were ahead of the dispatches at the worst moment.

    If each dispatch makes one request at most, this is 0: there never were more requests than
    dispatches begun.

    Args:
        dispatches: When each one began.
        requests: When each was made, on the same clock.
    """
    begun = sorted(dispatches)
    return max(
        (made - bisect_right(begun, time) for made, time in enumerate(sorted(requests), start=1)),
        default=0,
    )
