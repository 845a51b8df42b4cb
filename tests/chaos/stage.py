"""A stack of its own for a test, with a library in its bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.chaos.aftermath import Aftermath, inspect
from local.chaos.database import Database
from local.chaos.library import write_library
from local.chaos.run import TIER
from local.chaos.syncing import Patience, Syncing
from local.chaos.weather import TIME_SCALE
from local.options import StackOptions
from local.stack import LocalStack
from shared.domain.throttle.tiers import tier_named

PATIENCE = 900.0
"""Seconds for all that a test waits for."""


@dataclass(frozen=True, slots=True)
class Stage:
    stack: LocalStack
    library: Mapping[str, str]
    patience: Patience
    syncing: Syncing
    database: Database

    def is_lease_free(self) -> bool:
        lease = self.database.document("locks/writer")
        return lease is None or bool(lease["released"])

    def restart_all(self) -> None:
        """Start every function anew."""
        for function in self.stack.functions.values():
            function.restart()
        for function in self.stack.functions.values():
            function.wait()

    def aftermath(self, *batches: Mapping[str, object]) -> Aftermath:
        return inspect(self.stack, self.library, batches, frozenset())


@contextmanager
def stage(folder: Path, files: int, settings: Mapping[str, str] | None = None) -> Iterator[Stage]:
    """A started stack without faults, whose bucket holds so many files."""
    options = StackOptions(
        tier=tier_named(TIER), time_scale=TIME_SCALE, settings=dict(settings or {})
    )
    with LocalStack(options) as stack:
        library = write_library(folder, files, seed=files)
        stack.mirror(folder)
        patience = Patience(PATIENCE)
        yield Stage(stack, library, patience, Syncing(stack, patience), Database(stack.urls))
