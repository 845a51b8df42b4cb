"""How long each step of a file's processing may take, and how often it is tried."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.time_scale import FixedTime


@dataclass(frozen=True, slots=True)
class FilePolicy:
    """Times and limits of a file's upload and import.

    Attributes:
        claim_lifetime: Length of a claim; longer than the function's timeout, since a thread keeps
            working after its request was given up.
        overdue_grace: A task counts as overdue this long after it was due.
        max_attempts: Attempts for the same content, after which the file fails.
        max_aims: How often in one batch a file is planned anew since its object has changed; then
            the next sync has it.
        backoff_first: Wait after the first error in a row; doubles with each further error.
        backoff_most: The longest wait that doubling leads to.
        stuck_after: After this many errors in a row, which take half an hour or more, no batch
            waits for the file any longer.
        active_deadline: How long a raw file may take to become ACTIVE.
        import_deadline: How long an import may take, and after how long an import or a deletion of
            unknown outcome can no longer take effect.
        failed_grace: How long a FAILED document may still turn ACTIVE.
        look_grace: A look counts as overdue this long after it was due.
        raw_look_first: Time until the first look at a raw file. The next ones come after half of
            the time waited so far, and half of this time at least.
        look_first: Time until the first look at an import; the next ones likewise.
        look_most: The longest time between later looks.
        raw_reserve: A raw file is used only if it expires no sooner than this.
        exhausted_first: Wait before an exhausted file is tried again; doubles with each round.
        exhausted_most: The longest wait that doubling leads to.
    """

    claim_lifetime: timedelta = timedelta(seconds=660)
    overdue_grace: timedelta = timedelta(seconds=120)
    max_attempts: int = 5
    max_aims: int = 3
    backoff_first: timedelta = timedelta(seconds=10)
    backoff_most: timedelta = timedelta(minutes=10)
    stuck_after: int = 10
    active_deadline: timedelta = timedelta(minutes=15)
    import_deadline: timedelta = timedelta(hours=1)
    failed_grace: timedelta = timedelta(minutes=5)
    look_grace: timedelta = timedelta(seconds=30)
    raw_look_first: timedelta = timedelta(seconds=2)
    look_first: timedelta = timedelta(seconds=8)
    look_most: timedelta = timedelta(seconds=60)
    raw_reserve: FixedTime = timedelta(hours=2)
    exhausted_first: FixedTime = timedelta(days=1)
    exhausted_most: FixedTime = timedelta(days=32)

    def backoff(self, errors_in_a_row: int, jitter: float) -> timedelta:
        """Wait after the n-th error in a row: doubling, times 0.5 to 1 by ``jitter`` (0 to 1)."""
        doubled = self.backoff_first * 2.0 ** min(max(errors_in_a_row - 1, 0), 16)
        return min(doubled, self.backoff_most) * (0.5 + jitter / 2)
