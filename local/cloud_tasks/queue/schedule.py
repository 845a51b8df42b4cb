"""Which task is due next."""

from __future__ import annotations

import heapq
from itertools import count

_SLACK = 64  # stale heap entries that are not worth a rebuild


class Schedule:
    """Task names in the order of their due time; of equal times, in the order put.

    A heap, where a name that was moved or discarded leaves its old entry behind until that comes
    up or such entries outnumber the live ones.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._current: dict[str, int] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._current)

    def put(self, name: str, due: float) -> None:
        """Add the name, or move it."""
        number = next(self._numbers)
        self._current[name] = number
        heapq.heappush(self._heap, (due, number, name))
        self._trim()

    def discard(self, name: str) -> None:
        """Take the name off, if it is there."""
        if self._current.pop(name, None) is not None:
            self._trim()

    def first_due(self) -> float | None:
        """When the first one is due; None if there is none."""
        self._skip_stale()
        return self._heap[0][0] if self._heap else None

    def pop(self) -> str:
        """Take off the first one, whatever the time.

        Raises:
            IndexError: There is none.
        """
        self._skip_stale()
        name = heapq.heappop(self._heap)[2]
        del self._current[name]
        return name

    def _skip_stale(self) -> None:
        while self._heap and self._stale(self._heap[0]):
            heapq.heappop(self._heap)

    def _trim(self) -> None:
        if len(self._heap) > 2 * len(self._current) + _SLACK:
            self._heap = [entry for entry in self._heap if not self._stale(entry)]
            heapq.heapify(self._heap)

    def _stale(self, entry: tuple[float, int, str]) -> bool:
        return self._current.get(entry[2]) != entry[1]
