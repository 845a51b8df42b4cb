"""What a sync costs on the in-memory twins: documents read by query, calls of ports, memory."""

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
from tests.simulation.faulty_ports import Call, GatedPort
from tests.world import World

T = TypeVar("T")


@dataclass
class Meter:
    """The gate of a world's database, bucket and service.

    Attributes:
        reads: Documents read, as Firestore bills them, by what was asked.
        calls: Calls, by port and name.
        peak: The most bytes that were held outside the twins, where tracemalloc runs.
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
        """One whole sync, whose end is seen for nothing."""
        world = self.world
        path = f"batches/{world.start(request).batch_id}"
        while (stored := world.documents._find(path)) and stored.fields["status"] == "running":
            world.step()
        world.clock.advance(timedelta(seconds=1))  # a batch id has a second of its own

    def __call__(self, call: Call, effect: Callable[[], T]) -> T:
        """Let a call pass. What the twin needs for itself is no matter, what it returns is."""
        self.look()
        before = self.world.documents.reads
        try:
            return effect()
        finally:
            self.calls[f"{call.port}.{call.name}"] += 1
            if read := self.world.documents.reads - before:
                self.reads[_asked(call)] += read
            if tracemalloc.is_tracing():
                tracemalloc.reset_peak()

    def look(self) -> None:
        """Note the memory's peak since the last call, or since the last look."""
        if tracemalloc.is_tracing():
            self.peak = max(self.peak, tracemalloc.get_traced_memory()[1] - self._base)


def _asked(call: Call) -> str:
    """Such as ``count of files by status``; documents that are got go by their collections."""
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
