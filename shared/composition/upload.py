"""What the upload function does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from shared.composition.ports import context
from shared.config import SyncSettings
from shared.services.context import Context
from shared.services.looks.poller import Poller
from shared.services.worker.advance_file import AdvanceFile


@dataclass(frozen=True)
class UseCases:
    """The use cases of one function's process, each created when first used."""

    settings: SyncSettings

    @cached_property
    def _context(self) -> Context:
        return context(self.settings)

    @cached_property
    def advance(self) -> AdvanceFile:
        return AdvanceFile(self._context)

    @cached_property
    def look(self) -> Poller:
        return Poller(self._context)
