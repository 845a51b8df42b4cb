"""A first sync of very many files, in virtual time: all are indexed, and no cost grows faster."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.file.record import FileStatus
from shared.gateways.database import queries
from shared.gateways.ports import Write
from tests.benchmarks import parallel
from tests.benchmarks.report.figures import Figure, Section, Size, at_most
from tests.rated_world import RatedWorld
from tests.simulation.world.shortcuts import shortcuts
from tests.world import World

# A file takes about 3 ms of CPU and 16 kB of memory: the usual run has three minutes.
FILES: Mapping[Size, tuple[int, int]] = {
    Size.SMOKE: (20, 100),
    Size.USUAL: (6_000, 60_000),
    Size.FULL: (100_000, 1_000_000),
}

SHORT: Mapping[Size, int] = {Size.SMOKE: 50, Size.USUAL: 1_500, Size.FULL: 1_500}
"""Files of a sync that never plans beyond a tick, so that the supervisor is woken most often."""

TIER = "tier3"
EXPONENT = 1.05
A_SECOND = 1.0
"""Writes of one document that Firestore sustains."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What a first sync took.

    Attributes:
        reads, writes, tasks, requests: Counts of all.
        cpu: Seconds of CPU, with those of the twins.
        missing: Files that are not indexed, or not exactly once.
        hottest: The document that is written most often in a minute.
        most: How often that was, a second.
    """

    reads: int
    writes: int
    tasks: int
    requests: int
    cpu: float
    missing: int
    hottest: str
    most: float


class _Hot:
    """Counts the writes of each document, minute by minute."""

    def __init__(self, rated: RatedWorld) -> None:
        self._stage = rated.stage
        self._commit = rated.world.documents.commit
        self._minute: datetime | None = None
        self._writes: Counter[str] = Counter()
        self.most: tuple[int, str] = (0, "")
        rated.world.documents.commit = self  # type: ignore[method-assign]

    def __call__(self, writes: Sequence[Write]) -> list[object]:
        done = self._commit(writes)
        minute = self._stage.now().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute = minute
            self._writes.clear()
        self._writes.update(write.path for write in writes)
        self.most = max(self.most, *((self._writes[each.path], each.path) for each in writes))
        return done


def synced(count: int) -> Synced:
    """Sync so many new files."""
    began = time.process_time()
    with shortcuts():
        rated = RatedWorld(TIER, count, has_many=True)
        hot = _Hot(rated)
        rated.play_out()
        rated.close()
    cpu = time.process_time() - began
    world = rated.world
    reads, writes = world.documents.reads, world.documents.writes
    indexed = world.documents.count(queries.with_status(FileStatus.INDEXED))
    once = sum(len(store.imports) for store in world.gemini._stores.values())
    missing = count - indexed + abs(count - once) + _astray(world)
    return Synced(
        reads=reads,
        writes=writes,
        tasks=world.queues.created,
        requests=len(rated.spans),
        cpu=cpu,
        missing=missing,
        hottest=hot.most[1],
        most=hot.most[0] / 60,
    )


def _astray(world: World) -> int:
    """Documents that are not those of the records, or not of the objects' content."""
    records = {each.path: each.current_document for each in world.files()}
    objects = world.bucket.list_objects(prefix="", limit=len(world.bucket))
    hashes = {info.name: info.content_hash for info in objects}
    made = [
        each.document for store in world.gemini._stores.values() for each in store.imports.values()
    ]
    astray = 0
    for document in made:
        path, told = str(document.metadata["path"]), document.metadata["content_hash"]
        astray += records.get(path) != document.name or hashes.get(path) != told
    return astray


def section(size: Size) -> Section:
    """Sync few files and many."""
    few, many = FILES[size]
    short = SHORT[size]
    of_many, of_few, of_short = parallel.each(synced, [(many,), (few,), (short,)])
    title = f"A first sync of {many:,} files, {TIER}, virtual time"
    return Section(
        "scale",
        title,
        (
            *_figures(few, many, of_few, of_many),
            _hottest(of_short, f"in a sync of {short:,}: "),
        ),
    )


def _figures(few: int, many: int, of_few: Synced, of_many: Synced) -> Iterator[Figure]:
    yield Figure("files that are not indexed exactly once", of_many.missing, "", at_most(0))
    yield _hottest(of_many)
    for name in ("reads", "writes", "tasks", "requests"):
        growth = _growth(getattr(of_few, name), getattr(of_many, name), many / few)
        yield Figure(f"{name}: growth, {few:,} to {many:,}", growth, "", at_most(EXPONENT))
    growth = _growth(of_few.cpu, of_many.cpu, many / few)
    yield Figure(f"CPU: growth, {few:,} to {many:,}", growth, "", at_most(EXPONENT), is_exact=False)
    each = of_many.cpu / many * 1000
    yield Figure("CPU of one file, with the twins", each, "ms", is_exact=False)


def _hottest(of: Synced, about: str = "") -> Figure:
    """The writes of the document that is written most often in a minute."""
    name = f"{about}writes a second of the hottest document"
    kind = of.hottest if of.hottest.startswith("breaker/") else of.hottest.partition("/")[0]
    return Figure(name, of.most, "", at_most(A_SECOND), note=kind)


def _growth(few: float, many: float, times: float) -> float:
    """The exponent of a cost over the number of files: 1 is linear."""
    return math.log(many / few) / math.log(times)
