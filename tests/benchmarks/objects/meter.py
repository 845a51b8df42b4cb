"""Measures a sync on the in-memory twins: documents read, calls of ports, memory."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeVar, cast

from shared.domain.batch.request import SyncRequest
from shared.gateways.database.records import Records
from shared.gateways.ports import Bucket, DocumentStore, Gemini, Query
from tests.simulation.faults.faulty_ports import Call, GatedPort
from tests.world import World

T = TypeVar("T")


@dataclass
class Meter:
    """A gate before a world's database, bucket and Gemini that counts what passes.

    Attributes:
        reads: Documents read, as Firestore bills them, by kind of read.
        calls: Calls, by port and name.
        peak: The most bytes held outside the twins, if tracemalloc runs.
    """

    world: World
    reads: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    peak: int = 0

    def __post_init__(self) -> None:
        self._base, _ = tracemalloc.get_traced_memory()
        if tracemalloc.is_tracing():
            tracemalloc.reset_peak()
        world = self.world
        documents = cast("DocumentStore", GatedPort("documents", world.documents, self))
        world.use(
            replace(
                world.context,
                records=Records(documents, world.clock),
                bucket=cast("Bucket", GatedPort("bucket", world.bucket, self)),
                gemini=cast("Gemini", GatedPort("gemini", world.gemini, self)),
            )
        )

    def sync(self, request: SyncRequest) -> None:
        """Run a whole sync; the reads that detect its end are not counted."""
        world = self.world
        path = f"batches/{world.start(request).batch_id}"
        while (stored := world.documents._find(path)) and stored.fields["status"] == "running":
            world.step()
        world.clock.advance(timedelta(seconds=1))  # each batch id needs its own second

    def __call__(self, call: Call, effect: Callable[[], T]) -> T:
        """Let a call pass and count it, without the memory that the twin needs or keeps."""
        self.note_peak()
        held, _ = tracemalloc.get_traced_memory()
        before = self.world.documents.reads
        try:
            return effect()
        finally:
            self.calls[f"{call.port}.{call.name}"] += 1
            if read := self.world.documents.reads - before:
                self.reads[_asked(call)] += read
            if tracemalloc.is_tracing():
                if call.name == "commit":
                    self._base += tracemalloc.get_traced_memory()[0] - held
                tracemalloc.reset_peak()

    def note_peak(self) -> None:
        """Note the peak of the memory since the last call."""
        if tracemalloc.is_tracing():
            self.peak = max(self.peak, tracemalloc.get_traced_memory()[1] - self._base)


def _asked(call: Call) -> str:
    """A description such as ``count of files by status``, or the collection of documents read."""
    match call.arguments[0]:
        case Query(collection, where):
            by = " and ".join(dict.fromkeys(each.name for each in where))
            place = "pages" if collection.endswith("/pages") else collection
            return f"{call.name} of {place}" + (f" by {by}" if by else "")
        case str(path):
            return f"get of {_collection(path)}"
        case paths:
            return "get of " + ", ".join(dict.fromkeys(map(_collection, paths)))


def _collection(path: str) -> str:
    return path.split("/")[-2]
