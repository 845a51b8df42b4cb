"""The token bucket that limits a queue to its rate."""

from __future__ import annotations

from math import ceil

LEAST_BURST, MOST_BURST = 10, 100
"""Tokens. Public outputs of `gcloud tasks queues describe` show 10 at 0.25 and at 1 dispatch a
second, and 100 at 500 a second."""

ROUNDING = 1e-3
"""Tokens. Times since the epoch are floats with a resolution of 0.24 microseconds. This rounding
must not make a task wait. It can't accumulate, because the bucket then holds less."""

CLOCK_STEP = 1.0
"""Seconds. If the bucket's last time is further in the future, the clock was set back."""


def burst_size(rate: float) -> int:
    """Return the bucket's size for a rate in dispatches per second.

    The service chooses it, and documents no rule. This one gives every size that was seen, and the
    rate itself between them.
    """
    return max(LEAST_BURST, min(MOST_BURST, ceil(rate)))


class TokenBucket:
    """A bucket of tokens that refills steadily; each dispatch takes one. It starts full.

    Args:
        rate: Tokens per second.
        now: Seconds since the epoch, like all times here.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._burst = burst_size(rate)
        self._tokens = float(self._burst)
        self._as_of = now

    @property
    def burst(self) -> int:
        """The most tokens that the bucket holds."""
        return self._burst

    def ready_at(self, at: float) -> float:
        """Return the earliest time, not before `at`, when a token is available."""
        if at < self._as_of - CLOCK_STEP:
            self._as_of = at
        missing = 1 - self._level(at)
        if missing <= ROUNDING:
            return at
        return max(at, self._as_of) + missing / self._rate

    def take(self, at: float) -> None:
        """Take the token that is available at `at`."""
        self._tokens = self._level(at) - 1
        self._as_of = max(self._as_of, at)

    def resize(self, rate: float, burst: int, now: float) -> None:
        """Refill at another rate from now on; drop tokens above the new size."""
        self._tokens = min(self._level(now), float(burst))
        self._as_of = max(self._as_of, now)
        self._rate, self._burst = rate, burst

    def _level(self, at: float) -> float:
        refilled = max(0.0, at - self._as_of) * self._rate
        return min(float(self._burst), self._tokens + refilled)
