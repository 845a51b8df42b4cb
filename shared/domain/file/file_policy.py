"""The journey's numbers, and how they are scaled together for use on one machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class FilePolicy:
    """The journey's times and bounds. ``scaled`` divides the times for local use.

    A claim must outlive the function's timeout: a thread goes on working after its request was
    given up. ``stuck_after`` errors in a row, half an hour or more of them, no batch waits any
    longer for the file.
    """

    claim_lifetime: timedelta = timedelta(seconds=660)
    overdue_grace: timedelta = timedelta(seconds=120)
    max_attempts: int = 5
    backoff_first: timedelta = timedelta(seconds=10)
    backoff_most: timedelta = timedelta(minutes=10)
    stuck_after: int = 10
    active_deadline: timedelta = timedelta(minutes=15)
    import_deadline: timedelta = timedelta(hours=1)
    failed_grace: timedelta = timedelta(minutes=5)
    poll_first: timedelta = timedelta(seconds=5)
    poll_most: timedelta = timedelta(seconds=60)
    raw_reserve: timedelta = timedelta(hours=2)
    exhausted_first: timedelta = timedelta(days=1)
    exhausted_most: timedelta = timedelta(days=32)

    def scaled(self, time_scale: float) -> FilePolicy:
        """The same policy with its waits divided by ``time_scale``.

        What the service counts in real hours (raw files) and what spans runs (days) stays.
        """
        return replace(
            self,
            claim_lifetime=self.claim_lifetime / time_scale,
            overdue_grace=self.overdue_grace / time_scale,
            backoff_first=self.backoff_first / time_scale,
            backoff_most=self.backoff_most / time_scale,
            active_deadline=self.active_deadline / time_scale,
            import_deadline=self.import_deadline / time_scale,
            failed_grace=self.failed_grace / time_scale,
            poll_first=self.poll_first / time_scale,
            poll_most=self.poll_most / time_scale,
        )

    def backoff(self, errors_in_a_row: int, jitter: float) -> timedelta:
        """Doubling wait after the n-th error in a row, times 0.5 to 1 by ``jitter`` (0 to 1)."""
        doubled = self.backoff_first * 2.0 ** min(max(errors_in_a_row - 1, 0), 16)
        return min(doubled, self.backoff_most) * (0.5 + jitter / 2)
