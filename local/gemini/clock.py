"""Clocks, and the API's format of a time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The simulator's source of time."""

    def now(self) -> float:
        """Return the time in seconds since the epoch; it never goes back."""
        ...


class WallClock:
    """The machine's clock, read once and then advanced by the monotonic clock.

    A change of the system time therefore moves no deadline while the server runs.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._offset + time.monotonic()


class ManualClock:
    """A clock that moves only when `advance` is called."""

    def __init__(self, now: float = 1_763_910_000.0) -> None:
        self._now = now

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Advance the time by `seconds`."""
        self._now += seconds


def timestamp(seconds: float) -> str:
    """Format a time like the API: RFC 3339, UTC, microseconds, a trailing Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
