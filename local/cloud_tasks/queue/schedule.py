"""Decides which task is due next."""

from __future__ import annotations

import heapq
from itertools import count

_SLACK = 64  # so many stale heap entries are allowed before a rebuild


class Schedule:
    """Task names in order of due time; names with equal times in the order they were put.

    This is a heap. The old entry of a moved or discarded name stays in it until it reaches the top,
    or until stale entries outnumber live ones.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, str]] = []
        self._current: dict[str, int] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._current)

    def put(self, name: str, due: float) -> None:
        """Add a name, or move it to another time."""
        number = next(self._numbers)
        self._current[name] = number
        heapq.heappush(self._heap, (due, number, name))
        self._trim()

    def discard(self, name: str) -> None:
        """Remove a name, if it is present."""
        if self._current.pop(name, None) is not None:
            self._trim()

    def first_due(self) -> float | None:
        """Return when the first name is due; None if there is none."""
        self._skip_stale()
        return self._heap[0][0] if self._heap else None

    def pop(self) -> str:
        """Remove and return the first name, regardless of the time.

        Raises:
            IndexError: There are no names.
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
