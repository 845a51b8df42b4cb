"""Names that stay taken for a while after their task or queue was deleted."""

from __future__ import annotations


class Tombstones:
    """Names, each with the time when it is free again.

    Args:
        duration: Seconds that a name stays taken.
    """

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self._expiry: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._expiry)

    def add(self, name: str, now: float) -> float:
        """Mark the name as taken, and return until when."""
        expiry = now + self._duration
        self.restore(name, expiry)
        return expiry

    def restore(self, name: str, expiry: float) -> None:
        """Mark a name as taken until a given time."""
        self._expiry.pop(name, None)
        self._expiry[name] = expiry

    def holds(self, name: str, now: float) -> bool:
        """Whether the name is still taken."""
        return self._expiry.get(name, now) > now

    def sweep(self, now: float) -> int:
        """Remove the names that are free again, and return how many.

        Stops at the first name that is still taken: names expire in the order they were added.
        """
        swept = 0
        while self._expiry:
            oldest = next(iter(self._expiry))
            if self._expiry[oldest] > now:
                break
            del self._expiry[oldest]
            swept += 1
        return swept
