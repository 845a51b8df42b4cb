"""Storage that is really full: the service refuses imports until other documents go."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from shared.domain.estimate.store_capacity import STORED_PER_BYTE

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

FULL_SHARE = 0.12
"""Share of the runs in which the storage is full for a time."""

FILLER = 100_000
"""Bytes of the document that fills the storage: more than all files of a run, twice."""

CROWDED_SHARE = 0.15
"""Share of the runs with so many stores that listing them takes several pages."""

OTHER_STORES = 4

A_FILE = 25
"""About the bytes of one file."""


class Storage:
    """The project's storage.

    A document in another store of the project leaves room for a few files. When it goes, there is
    room for all.
    """

    def __init__(self, play: Simulation) -> None:
        self._play = play
        self._chance = Random(f"storage of {play.seed}")  # noqa: S311 - chance that repeats
        self._filler = ""
        self.gets_full = self._chance.random() < FULL_SHARE
        play.gemini.reported_per_byte = self._chance.choice((1, STORED_PER_BYTE))

    def begin(self) -> None:
        """Create stores of others, in some runs, so that the list of stores has several pages."""
        if self._chance.random() < CROWDED_SHARE:
            for number in range(OTHER_STORES):
                self._play.gemini.create_store(f"store {number} of others", "")

    def fill(self) -> None:
        """Fill the storage, in the runs in which it gets full."""
        if not self.gets_full:
            return
        play, gemini = self._play, self._play.gemini
        share = self._chance.choice((0.2, 0.5, 0.9))
        room = max(A_FILE, int(share * len(play.library.names) * A_FILE))
        store = gemini.create_store("papers of others", "")
        self._filler = play.import_for_others(store.name, b"x" * FILLER)
        held = sum(each.size or 0 for each in play.store_documents())
        gemini.storage_cap = STORED_PER_BYTE * (held + room)
        play.note("--", f"the storage has room for {room} bytes", None)

    def plans(self) -> list[tuple[int, Callable[[], None]]]:
        """When room appears, as scheduling points; in half of these runs only at the end."""
        if not self.gets_full or self._chance.random() < 0.5:
            return []
        return [(self._chance.randint(50, 350), self.make_room)]

    def make_room(self) -> None:
        """Delete what fills the storage."""
        if self._filler:
            self._play.gemini.delete_document(self._filler)
            self._filler = ""
            self._play.note("--", "there is room in the storage", None)
