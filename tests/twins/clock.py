"""A clock that stands still until told otherwise."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where a clock starts if nothing else is said; any fixed date would do."""


class ManualClock:
    """``Clock`` whose waiting passes at once. Safe to share between threads."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._now = _in_utc(start)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The time it was last moved to."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Move on by ``seconds`` without waiting."""
        self.advance(timedelta(seconds=seconds))

    def advance(self, by: timedelta) -> datetime:
        """Move on by ``by`` and return the new time. Raises ``ValueError`` below zero."""
        if by < timedelta(0):
            raise ValueError(f"time does not run backwards: {by}")
        with self._lock:
            self._now += by
            return self._now

    def set(self, now: datetime) -> None:
        """Make it ``now``, which may be earlier: clocks do get corrected."""
        with self._lock:
            self._now = _in_utc(now)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment}")
    return moment.astimezone(UTC)
