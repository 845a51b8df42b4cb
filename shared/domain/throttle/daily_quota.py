"""What a daily quota still allows. Each file takes two requests: an upload and an import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DailyQuota:
    """How much of today's quota is used, and what still needs it.

    Attributes:
        left: Requests of today's quota that are neither made nor planned.
        owed: Imports not yet planned, for files whose upload is made or planned.
        waiting: Files to upload.
        is_spent: All requests of the day were made, so planned ones would be refused.
    """

    left: int
    owed: int
    waiting: int
    is_spent: bool = False

    @property
    def uploads(self) -> int:
        """Uploads that may be planned today.

        Each leaves a request for its import, except the last one where the number left is odd.
        """
        return (max(self.left - self.owed, 0) + 1) // 2

    @property
    def tomorrow(self) -> int:
        """Number of files that can't be finished today."""
        finished = min(self.left, self.owed) + max(self.left - self.owed, 0) // 2
        return max(self.owed + self.waiting - finished, 0)
