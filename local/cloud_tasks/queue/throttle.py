"""How a queue slows down when its target pushes back.

The service documents that 429 and 503 answers reduce a queue's effective rate for a while, not by
how much. The numbers here are this server's choice.
"""

from __future__ import annotations

PUSHBACK = frozenset({429, 503})
"""Answers that mean: too fast."""

FLOOR = 1 / 32
"""The rate never falls below this part of the configured one."""

HALVING_INTERVAL = 1.0
"""Seconds. One burst of refusals is one signal, not one for each task of the burst."""

RECOVERY_INTERVAL = 5.0
RECOVERY_STEP = 0.05
"""Of the configured rate, regained every RECOVERY_INTERVAL seconds: from half to full in 50 s."""


class Throttle:
    """The part of its configured rate that a queue is dispatched at."""

    def __init__(self) -> None:
        self._factor = 1.0
        self._since = 0.0

    def push_back(self, now: float) -> None:
        """Count a 429 or 503: half the current rate, at most once a HALVING_INTERVAL."""
        if self._factor == 1.0 or not 0 <= now - self._since < HALVING_INTERVAL:
            self._factor = max(FLOOR, self.factor(now) / 2)
            self._since = now

    def factor(self, now: float) -> float:
        """From FLOOR to 1; changes in steps, so that the caller can tell when it did."""
        steps = max(0.0, now - self._since) // RECOVERY_INTERVAL
        return min(1.0, self._factor + RECOVERY_STEP * steps)
