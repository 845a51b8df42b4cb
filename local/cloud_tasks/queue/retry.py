"""When a failed task is retried, and when its retries run out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from local.cloud_tasks.wire.messages import Message, seconds

RETENTION = 31 * 86_400.0
"""Seconds. A task older than this is deleted, dispatched or not (API reference of UpdateQueue)."""

_LARGEST_EXPONENT = 60  # 2**60 times any backoff exceeds every max_backoff


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A complete retry_config of a queue or task.

    Attributes:
        max_attempts: The most attempts, including the first; -1 is unlimited.
        max_retry_duration: The most seconds since the first attempt; 0 is unlimited.
        min_backoff: Seconds before the first retry.
        max_backoff: The longest backoff in seconds.
        max_doublings: How often the backoff doubles before it grows linearly.
    """

    max_attempts: int
    max_retry_duration: float
    min_backoff: float
    max_backoff: float
    max_doublings: int

    @classmethod
    def of(cls, config: Message) -> RetryPolicy:
        """Read a complete RetryConfig message."""
        return cls(
            max_attempts=config.max_attempts,
            max_retry_duration=seconds(config.max_retry_duration),
            min_backoff=seconds(config.min_backoff),
            max_backoff=seconds(config.max_backoff),
            max_doublings=config.max_doublings,
        )

    def backoff(self, attempts: int) -> float:
        """Return the seconds to wait after this many failed attempts (at least one).

        10 s, 300 s and 3 doublings give 10, 20, 40, 80, 160, 240, 300, 300.
        """
        doublings = min(attempts - 1, self.max_doublings, _LARGEST_EXPONENT)
        linear_steps = max(1, attempts - self.max_doublings)
        growth = float(2**doublings * linear_steps)
        return min(self.max_backoff, self.min_backoff * growth)

    def exhausted(self, attempts: int, elapsed: float) -> bool:
        """Whether there are no more attempts.

        Every limit that is set must be reached; without limits, retries never end.

        Args:
            attempts: The number of attempts so far.
            elapsed: Seconds since the first attempt.
        """
        limited_attempts = self.max_attempts != -1
        limited_duration = self.max_retry_duration > 0
        if not limited_attempts and not limited_duration:
            return False
        return (not limited_attempts or attempts >= self.max_attempts) and (
            not limited_duration or elapsed >= self.max_retry_duration
        )


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Return the wait in a Retry-After header, at most RETENTION; None if it is missing or invalid.

    Args:
        header: A number of seconds or an HTTP date (RFC 9110, section 10.2.3).
        now: Seconds since the epoch.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), RETENTION)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return min(max(0.0, date.timestamp() - now), RETENTION)
