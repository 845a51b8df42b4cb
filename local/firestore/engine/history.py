"""Earlier versions of documents, for reads of the past."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from local.firestore.query.document import Micros, Stored
from local.firestore.refusals import failed_precondition

KEPT: Final = 60_000_000
"""Microseconds for which earlier versions are remembered. The service remembers an hour, which
would take more memory than a machine may have."""

MOST: Final = 10_000
"""The most versions that are remembered."""


class History:
    """What was replaced or deleted lately. It is kept in memory, so a restart forgets it.

    Args:
        start: The time of the start: nothing is known of what was before.
    """

    def __init__(self, start: Micros) -> None:
        self._known_since = start
        self._replaced: deque[tuple[Micros, str, Stored | None]] = deque()

    def remember(self, at: Micros, before: Mapping[str, Stored | None]) -> None:
        """Keep the documents that a commit at this time replaced; None: there was none."""
        self._replaced.extend((at, path, document) for path, document in before.items())
        while self._replaced and (len(self._replaced) > MOST or self._replaced[0][0] < at - KEPT):
            self._known_since = self._replaced.popleft()[0]

    def since(self, at: Micros) -> dict[str, Stored | None]:
        """The documents that have changed since a time, as they were then.

        Raises:
            Refused: FAILED_PRECONDITION: the time is too long ago.
        """
        if at < self._known_since:
            raise failed_precondition("The requested 'read_time' is too old.")
        past: dict[str, Stored | None] = {}
        for changed, path, document in reversed(self._replaced):
            if changed <= at:
                break
            past[path] = document
        return past
