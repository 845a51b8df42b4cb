"""How long each step of a file may take, and how often it is tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.time_scale import FixedTime


@dataclass(frozen=True, slots=True)
class FilePolicy:
    """Times and bounds of a file's way through upload and import.

    Attributes:
        claim_lifetime: A claim must outlive the function's timeout: a thread goes on working after
            its request was given up.
        overdue_grace: After a task's time this long may pass until it counts as overdue.
        max_attempts: Tries of one content before it fails.
        backoff_first: Wait after the first error in a row; it doubles with each further one.
        backoff_most: The doubling's end.
        stuck_after: After so many errors in a row, half an hour or more of them, no batch waits any
            longer for the file.
        active_deadline: How long a raw file may take to become ACTIVE.
        import_deadline: How long an import may take, and its late effect be waited for.
        failed_grace: How long a FAILED document may still turn ACTIVE.
        poll_first: Between the first looks at something that takes its time.
        poll_most: Between later ones.
        raw_reserve: A raw file is used only while it has so long to live.
        exhausted_first: Until an exhausted file is tried again; it doubles with each further round.
        exhausted_most: The doubling's end.
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
    raw_reserve: FixedTime = timedelta(hours=2)
    exhausted_first: FixedTime = timedelta(days=1)
    exhausted_most: FixedTime = timedelta(days=32)

    def backoff(self, errors_in_a_row: int, jitter: float) -> timedelta:
        """Doubling wait after the n-th error in a row, times 0.5 to 1 by ``jitter`` (0 to 1)."""
        doubled = self.backoff_first * 2.0 ** min(max(errors_in_a_row - 1, 0), 16)
        return min(doubled, self.backoff_most) * (0.5 + jitter / 2)
