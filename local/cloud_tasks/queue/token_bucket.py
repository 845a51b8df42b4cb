"""The token bucket that holds a queue to its rate."""

from __future__ import annotations

from math import ceil

ROUNDING = 1e-3
"""Tokens. Times since the epoch are floats with steps of 0.24 microseconds; what they round away
must not make a task wait, and can't add up, as it is missing from the bucket afterwards."""

CLOCK_STEP = 1.0
"""Seconds. A bucket filled further in the future than this saw the clock set back."""


def burst_size(rate: float) -> int:
    """The bucket's size for a rate in dispatches a second.

    The reference text says "generally at least equal to max_dispatches_per_second"; the real
    size is not documented.
    """
    return max(1, ceil(rate))


class TokenBucket:
    """Tokens that refill steadily; each dispatch takes one. It starts full.

    Args:
        rate: Tokens a second.
        now: Seconds since the epoch, as all times here.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._burst = burst_size(rate)
        self._tokens = float(self._burst)
        self._as_of = now

    @property
    def burst(self) -> int:
        """The most tokens it holds."""
        return self._burst

    def ready_at(self, at: float) -> float:
        """The earliest time, not before `at`, when a token is there."""
        if at < self._as_of - CLOCK_STEP:
            self._as_of = at
        missing = 1 - self._level(at)
        if missing <= ROUNDING:
            return at
        return max(at, self._as_of) + missing / self._rate

    def take(self, at: float) -> None:
        """Take the token that is ready at `at`."""
        self._tokens = self._level(at) - 1
        self._as_of = max(self._as_of, at)

    def resize(self, rate: float, burst: int, now: float) -> None:
        """Refill at another rate from now on; tokens above the new size are lost."""
        self._tokens = min(self._level(now), float(burst))
        self._as_of = max(self._as_of, now)
        self._rate, self._burst = rate, burst

    def _level(self, at: float) -> float:
        refilled = max(0.0, at - self._as_of) * self._rate
        return min(float(self._burst), self._tokens + refilled)
