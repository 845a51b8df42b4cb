"""Names that stay taken for a while after their task or queue is gone."""

from __future__ import annotations


class Tombstones:
    """Names with the time each is free again.

    Args:
        duration: Seconds a name stays taken.
    """

    def __init__(self, duration: float) -> None:
        self._duration = duration
        self._expiry: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._expiry)

    def bury(self, name: str, now: float) -> float:
        """Take the name, and say until when."""
        expiry = now + self._duration
        self.restore(name, expiry)
        return expiry

    def restore(self, name: str, expiry: float) -> None:
        """Take a name until a time known from before."""
        self._expiry.pop(name, None)
        self._expiry[name] = expiry

    def holds(self, name: str, now: float) -> bool:
        """Whether the name is still taken."""
        return self._expiry.get(name, now) > now

    def sweep(self, now: float) -> int:
        """Forget the names that are free again; how many.

        Stops at the first that is still taken: with one duration, names expire in the order buried.
        """
        swept = 0
        while self._expiry:
            oldest = next(iter(self._expiry))
            if self._expiry[oldest] > now:
                break
            del self._expiry[oldest]
            swept += 1
        return swept
