"""Time: where `now` comes from, and how the API writes it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the simulator reads the time."""

    def now(self) -> float:
        """Return the time in seconds since the epoch; it never goes back."""
        ...


class WallClock:
    """The machine's clock, read once and then advanced by the monotonic one.

    So a step of the system's time moves no deadline while the server runs.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._offset + time.monotonic()


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, now: float = 1_763_910_000.0) -> None:
        self._now = now

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the time on by `seconds`."""
        self._now += seconds


def timestamp(seconds: float) -> str:
    """Write a time as the API does: RFC 3339, UTC, microseconds, a trailing Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
