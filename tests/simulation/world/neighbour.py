"""Another deployment that fills the same store: its documents come and go while syncs run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from shared.domain.errors import Throttled
from shared.domain.metadata.metadata import MetadataEntry
from shared.services.source.inspection import inspect_one

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

OWNER = "somebody else"

RESTLESS_SHARE = 0.25
"""Share of the runs in which its documents come and go."""


class Neighbour:
    """The other deployment. It has an owner tag of its own, and much the same content.

    Attributes:
        documents: Names of its documents that it has not deleted itself.
        is_restless: Whether its documents come and go.
    """

    def __init__(self, play: Simulation) -> None:
        self._play = play
        self._chance = Random(f"neighbour of {play.seed}")  # noqa: S311 - chance that repeats
        self.documents: list[str] = []
        self.is_restless = self._chance.random() < RESTLESS_SHARE

    def settle(self) -> None:
        """Import its first documents."""
        for name in self._play.library.names[:3]:
            self._import(name)

    def plans(self) -> list[tuple[int, Callable[[], None]]]:
        """When its documents come and go, as scheduling points."""
        if not self.is_restless:
            return []
        chance = self._chance
        return [(chance.randint(1, 350), self.come_or_go) for _ in range(chance.randint(2, 6))]

    def come_or_go(self) -> None:
        """Import a document, or delete one."""
        if self.documents and self._chance.random() < 0.5:
            gone = self.documents.pop(self._chance.randrange(len(self.documents)))
            self._play.gemini.delete_document(gone)
            self._play.note("--", f"the neighbour deletes {gone}", None)
        elif self._play.target() and not self._play.is_store_gone():
            self._import(self._chance.choice(self._play.library.names))

    def _import(self, path: str) -> None:
        play = self._play
        wanted = inspect_one(play.plain, path)
        if wanted is None:
            return
        entries = [
            MetadataEntry("path", path),
            MetadataEntry("content_key", wanted.key),
            MetadataEntry("owner", OWNER),
        ]
        with suppress(Throttled):  # the storage is full for the neighbour as well
            self.documents.append(play.import_for_others(play.target(), b"x", entries))
            play.note("--", f"the neighbour imports {self.documents[-1]}", None)
