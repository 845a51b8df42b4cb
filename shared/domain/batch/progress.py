"""The figures of a running batch, as last counted, and when they are due to be counted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

READS = 10
"""Reads of a count of few files: one for each query."""

FILES_PER_READ = 250
"""Files of the batch for each further read: about four queries count them, a thousand a read."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running batch has done so far, and what is left.

    Attributes:
        counted_at: When it was counted.
        counts: The scan's counts so far, and the files that are finished.
        requests: Requests made for the batch's files, by kind.
        waiting: Files that wait for their import's first step.
        in_progress: Files whose import is under way.
        removing: Files whose documents are to be deleted.
        cost: Estimated cost of the batch's imports, without those that were refused for certain.
        spent: What the quota day's imports cost, of all batches; None without a limit.
    """

    counted_at: datetime
    counts: dict[str, int] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    in_progress: int = 0
    removing: int = 0
    cost: float = 0.0
    spent: float | None = None

    @property
    def done(self) -> int:
        """Files that the batch has finished."""
        return self.counts.get("indexed", 0) + self.counts.get("deleted", 0)

    @property
    def left(self) -> int:
        return self.waiting + self.in_progress + self.removing

    def is_due(self, now: datetime, per_file: timedelta, every: timedelta) -> bool:
        """Whether to count again.

        Args:
            now: The present time.
            per_file: The least time that a file takes at the tier's rate. The next count is put off
                until its reads are at most half a read for each file done since this one.
            every: The shortest time between two counts.
        """
        reads = READS + (self.done + self.left) / FILES_PER_READ
        return now - self.counted_at >= max(every, 2 * reads * per_file)


def requests_of(sums: Mapping[str, float]) -> dict[str, int]:
    """Requests by kind, from the sums of a query of files."""
    return {name.rpartition(".")[2]: int(count) for name, count in sums.items()}
