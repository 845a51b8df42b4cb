"""A clock that only tests move."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The default start of a clock; any fixed date would do."""


class ManualClock:
    """``Clock`` that never really waits. Safe to share between threads."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._now = _in_utc(start)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The current time of this clock."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Advance by ``seconds`` without waiting."""
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> datetime:
        """Advance by ``by`` and return the new time. Raises ``ValueError`` if it is negative."""
        if by < timedelta(0):
            raise ValueError(f"the clock can't advance backwards, by {by}")
        with self._lock:
            self._now += by
            return self._now

    def set(self, now: datetime) -> None:
        """Set the time, also to an earlier one, as when a real clock is corrected."""
        with self._lock:
            self._now = _in_utc(now)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"the time {moment} has no zone")
    return moment.astimezone(UTC)
