"""A local stack for one test, with files in its bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.chaos.end_state import EndState, inspect
from local.chaos.fault_rates import TIME_SCALE
from local.chaos.firestore_records import Database
from local.chaos.persistent_client import Deadline, PersistentClient
from local.chaos.run import TIER
from local.chaos.sample_files import write_library
from local.stack.local_stack import LocalStack
from local.stack.options import FirestoreKind, StackOptions
from shared.domain.throttle.tiers import tier_named

SECONDS = 900.0
"""Seconds that a test may wait in all."""


@dataclass(frozen=True, slots=True)
class Stage:
    stack: LocalStack
    library: Mapping[str, str]
    deadline: Deadline
    client: PersistentClient
    database: Database

    def is_lease_free(self) -> bool:
        lease = self.database.document("locks/writer")
        return lease is None or bool(lease["released"])

    def restart_all(self) -> None:
        """Restart every function."""
        for function in self.stack.functions.values():
            function.restart()
        for function in self.stack.functions.values():
            function.wait()

    def end_state(self, *batches: Mapping[str, object]) -> EndState:
        return inspect(self.stack, self.library, batches, frozenset())


@contextmanager
def stage(
    folder: Path,
    files: int,
    settings: Mapping[str, str] | None = None,
    *,
    state: Path | None = None,
    firestore: FirestoreKind = FirestoreKind.EMBEDDED,
) -> Iterator[Stage]:
    """A started stack without faults, whose bucket holds ``files`` files."""
    options = StackOptions(
        tier=tier_named(TIER),
        time_scale=TIME_SCALE,
        state=state,
        firestore=firestore,
        settings=dict(settings or {}),
    )
    with LocalStack(options) as stack:
        library = write_library(folder, files, seed=files)
        stack.mirror(folder)
        deadline = Deadline(SECONDS)
        yield Stage(
            stack, library, deadline, PersistentClient(stack, deadline), Database(stack.urls)
        )
