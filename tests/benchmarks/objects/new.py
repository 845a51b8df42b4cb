"""How fast new objects are planned, beside writing the same documents with no logic.

Both use the project's adapter and the official client, against a local Firestore of their own. The
bucket is in memory, so nothing but the database and the logic takes time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

from local.stack.options import FirestoreKind
from shared.domain.batch.request import SyncRequest
from shared.gateways.database.records import Records
from shared.gateways.ports import MAX_WRITES_PER_COMMIT, DocumentStore, Put, Query, Task
from tests.benchmarks.objects.settled import library
from tests.benchmarks.stack.databases import client_of, serving
from tests.twins.clock import ManualClock
from tests.world import World, rules

PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Rates:
    """New objects a second: scanned, and their documents written as they are."""

    scanned: float
    written: float


def rates(count: int) -> Rates:
    """Scan so many new objects, and write their documents to another server."""
    with serving(FirestoreKind.EMBEDDED) as server, closing(client_of(server.host, PATIENCE)) as at:
        scanned = _scan(at, count)
        documents = _documents(at)
    if len(documents) != count:
        raise AssertionError(f"{count} objects, and {len(documents)} documents")
    with serving(FirestoreKind.EMBEDDED) as server, closing(client_of(server.host, PATIENCE)) as at:
        return Rates(count / scanned, count / _written(at, documents))


def scan_cpu(count: int) -> float:
    """Seconds of CPU that the scan of so many new objects takes, with the database in memory."""
    world = World(rules(), has_many=True)
    return _scanned(world, count, time.process_time)


def _scan(at: DocumentStore, count: int) -> float:
    """Seconds of the scan of so many new objects."""
    world = World(rules(), ManualClock(at.get("meta/none").read_time))
    world.records = Records(at, world.clock)
    world.use(replace(world.context, records=world.records))
    return _scanned(world, count, time.perf_counter)


def _scanned(world: World, count: int, clock: Callable[[], float]) -> float:
    world.put(library(count))
    world.start(SyncRequest())
    while not (tasks := _scans(world)):
        world.supervise()
    seconds = 0.0
    while tasks:
        began = clock()
        world.deliver(tasks[0])
        seconds += clock() - began
        tasks = _scans(world)
    return seconds


def _scans(world: World) -> list[Task]:
    return [task for task in world.queues.waiting if task.path == "/control/scan"]


def _documents(at: DocumentStore) -> list[Put]:
    """The documents of all files."""
    found: list[Put] = []
    while True:
        last = found[-1].path.rpartition("/")[2] if found else None
        after = None if last is None else (last,)
        page = at.query(Query("files", limit=1000, start_after=after))
        found += [Put(each.path, each.fields or {}) for each in page]
        if len(page) < 1000:
            return found


def _written(at: DocumentStore, documents: list[Put]) -> float:
    """Seconds that writing takes, in the largest commits that there may be."""
    began = time.perf_counter()
    for first in range(0, len(documents), MAX_WRITES_PER_COMMIT):
        at.commit(documents[first : first + MAX_WRITES_PER_COMMIT])
    return time.perf_counter() - began
