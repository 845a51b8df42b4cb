"""What a daily quota still allows: each file takes two requests, an upload and an import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DailyQuota:
    """The quota day as it stands.

    Attributes:
        left: Requests neither made nor planned.
        owed: Imports not yet planned, of files whose upload is made or planned.
        waiting: Files to upload.
        is_spent: All that the day allows was made: what is planned would find nothing.
    """

    left: int
    owed: int
    waiting: int
    is_spent: bool = False

    @property
    def uploads(self) -> int:
        """Uploads that may be planned: each leaves a request for its import (the last may not)."""
        return (max(self.left - self.owed, 0) + 1) // 2

    @property
    def tomorrow(self) -> int:
        """Files that can't be finished today."""
        finished = min(self.left, self.owed) + max(self.left - self.owed, 0) // 2
        return max(self.owed + self.waiting - finished, 0)
