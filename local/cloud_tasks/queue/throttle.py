"""Slows a queue down when its target answers 429 or 503.

The service documents that such answers reduce a queue's effective rate for a while, but not by how
much. The numbers here are this server's choice.
"""

from __future__ import annotations

PUSHBACK = frozenset({429, 503})
"""HTTP statuses that mean the requests come too fast."""

FLOOR = 1 / 32
"""The rate never falls below this fraction of the configured rate."""

HALVING_INTERVAL = 1.0
"""Seconds. A burst of refusals counts once, not once for each task in the burst."""

RECOVERY_INTERVAL = 5.0
RECOVERY_STEP = 0.05
"""The fraction of the configured rate regained every RECOVERY_INTERVAL: half to full in 50 s."""


class Throttle:
    """The fraction of the configured rate at which a queue is dispatched."""

    def __init__(self) -> None:
        self._factor = 1.0
        self._since = 0.0

    def push_back(self, now: float) -> None:
        """Handle a 429 or 503: halve the current rate, at most once per HALVING_INTERVAL."""
        if self._factor == 1.0 or not 0 <= now - self._since < HALVING_INTERVAL:
            self._factor = max(FLOOR, self.factor(now) / 2)
            self._since = now

    def factor(self, now: float) -> float:
        """Return the fraction, from FLOOR to 1; it changes only in steps."""
        steps = max(0.0, now - self._since) // RECOVERY_INTERVAL
        return min(1.0, self._factor + RECOVERY_STEP * steps)
