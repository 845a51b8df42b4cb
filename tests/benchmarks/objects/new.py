"""How fast new objects are planned, beside writing the same documents with no logic.

Both use the project's adapter and the official client, each against a local Firestore of its own.
Each commit of the scan is followed by one that writes the same documents, so both meet the same
load of the machine. The bucket is in memory, so nothing but the database and the logic takes time.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from local.stack.options import FirestoreKind
from shared.domain.batch.request import SyncRequest
from shared.gateways.database.queries import FILES
from shared.gateways.database.records import Records
from shared.gateways.ports import Create, DocumentStore, Put, Task, Write
from tests.benchmarks.objects.meter import Meter
from tests.benchmarks.objects.settled import library
from tests.benchmarks.stack.databases import client_of, serving
from tests.twins.clock import ManualClock
from tests.twins.passing import PassingDocuments
from tests.world import World, rules

PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Rates:
    """New objects a second: scanned, and their documents written as they are."""

    scanned: float
    written: float


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the scan alone takes: seconds of CPU, and the most bytes held."""

    seconds: float
    peak: int


def rates(count: int) -> Rates:
    """Scan so many new objects, and write their documents to another server beside."""
    with (
        serving(FirestoreKind.EMBEDDED) as ours,
        serving(FirestoreKind.EMBEDDED) as raw,
        closing(client_of(ours.host, PATIENCE)) as documents,
        closing(client_of(raw.host, PATIENCE)) as others,
    ):
        beside = _Beside(documents, others)
        world = World(rules(), ManualClock(documents.get("meta/none").read_time))
        world.records = Records(beside, world.clock)
        world.use(replace(world.context, records=world.records))
        tasks = _first_scan(world, count)
        began = time.perf_counter()
        _scan(world, tasks)
        scanned = time.perf_counter() - began - beside.seconds
        if beside.written != count:
            raise AssertionError(f"{count} objects, and {beside.written} documents")
        return Rates(count / scanned, count / beside.seconds)


def scanned(count: int) -> Scanned:
    """The scan of so many new objects, whose documents nobody keeps.

    It runs twice, since measuring the memory takes time.
    """
    world, tasks = _forgetful(count)
    began = time.process_time()
    _scan(world, tasks)
    seconds = time.process_time() - began
    world, tasks = _forgetful(count)
    tracemalloc.start()
    meter = Meter(world)
    _scan(world, tasks)
    meter.note_peak()
    tracemalloc.stop()
    return Scanned(seconds, meter.peak)


def _forgetful(count: int) -> tuple[World, list[Task]]:
    world = World(rules())
    world.documents = _Forgetful(world.documents)  # type: ignore[assignment]  # a port as well
    world.records = Records(world.documents, world.clock)
    world.use(replace(world.context, records=world.records))
    tasks = _first_scan(world, count)
    gc.collect()
    gc.freeze()  # a scan does not search what the bucket holds for garbage
    return world, tasks


# --- scanning ---------------------------------------------------------------------------------


def _first_scan(world: World, count: int) -> list[Task]:
    """The task of the scan of so many new objects."""
    world.put(library(count))
    world.start(SyncRequest())
    while not (tasks := _scans(world)):
        world.supervise()
    return tasks


def _scan(world: World, tasks: list[Task]) -> None:
    while tasks:
        world.deliver(tasks[0])
        tasks = _scans(world)


def _scans(world: World) -> list[Task]:
    return [task for task in world.queues.waiting if task.path == "/control/scan"]


# --- databases --------------------------------------------------------------------------------


class _Beside(PassingDocuments):
    """Writes the new documents of files to another database as well.

    Attributes:
        written: Documents that were written there.
        seconds: How long that took.
    """

    def __init__(self, documents: DocumentStore, others: DocumentStore) -> None:
        super().__init__(documents)
        self.written = 0
        self.seconds = 0.0
        self._others = others

    def commit(self, writes: Sequence[Write]) -> list[object]:
        done = super().commit(writes)
        began = time.perf_counter()
        new = [each for each in writes if isinstance(each, Create) and _is_new_file(each)]
        if same := [Put(each.path, each.fields) for each in new]:
            self._others.commit(same)
            self.written += len(same)
        self.seconds += time.perf_counter() - began
        return done


class _Forgetful(PassingDocuments):
    """Keeps no new documents of files: a first scan does not read them again.

    Attributes:
        reads: For ``Meter``; what is read is not counted here.
    """

    reads = 0

    def commit(self, writes: Sequence[Write]) -> list[object]:
        kept = [each for each in writes if not _is_new_file(each)]
        versions = iter(super().commit(kept) if kept else [])
        return [None if _is_new_file(each) else next(versions) for each in writes]


def _is_new_file(write: Write) -> bool:
    return isinstance(write, Create) and write.path.startswith(f"{FILES}/")
