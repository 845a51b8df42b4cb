"""``python -m tests.benchmarks.objects.unchanged``: the cost of a sync that finds no change.

It is compared with the simplest scan: list the bucket, read every record, and compare. Both run on
the in-memory twins, so reads and calls are exact; seconds and bytes are those of Python, and mean
something only as ratios. Each minute of a scan costs one more call of the supervisor.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.batch.request import SyncRequest
from shared.domain.file.record import FileRecord
from shared.domain.scan import comparison
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.database import queries
from shared.services.source.inspection import inspect
from tests.benchmarks.objects.meter import Meter
from tests.benchmarks.objects.settled import library, settle
from tests.world import World, rules

OBJECTS = 20_000


@dataclass(frozen=True, slots=True)
class Cost:
    """One run's documents read, metered requests, listing calls, seconds of CPU and bytes held."""

    reads: int
    metered: int
    listings: int
    seconds: float
    peak: int


def settled(count: int) -> World:
    """A world of ``count`` objects whose first sync was a day ago."""
    world = World(rules(), has_many=True)
    settle(world, library(count))
    world.clock.advance(timedelta(days=1))
    world._next_tick = world.clock.now()
    gc.collect()
    gc.freeze()  # a scan does not search what the twins hold for garbage
    return world


def cost(world: World, run: Callable[[Meter], None]) -> Cost:
    """Run three times: for the index entries, which the twin makes when they are first used, then
    for the time, and then for the memory, since measuring it takes time."""
    run(Meter(world))
    meter, metered = Meter(world), world.gemini.metered
    began = time.process_time()
    run(meter)
    seconds = time.process_time() - began
    tracemalloc.start()
    weighed = Meter(world)
    run(weighed)
    weighed.note_peak()
    tracemalloc.stop()
    return Cost(
        reads=meter.reads.total(),
        metered=world.gemini.metered - metered,
        listings=meter.calls["bucket.list_objects"],
        seconds=seconds,
        peak=weighed.peak,
    )


def sync(meter: Meter) -> None:
    """Run a sync."""
    meter.sync(SyncRequest())


def read_everything(meter: Meter) -> None:
    """Run a scan without page memory: compare all objects with all records."""
    context = meter.world.context
    size = context.rules.page_size
    objects: list[ObjectInfo] = []
    page: list[ObjectInfo] = []
    while not objects or len(page) > size:
        start = page[-1].name if page else ""
        page = context.bucket.list_objects(prefix="", start=start, limit=size + 1)
        objects += page[:size]
    found = context.records.query(FileRecord, queries.records_in_range("", "", len(objects) + 1))
    wanted = inspect(context, objects, {})
    changed = [
        want.path
        for want, record in comparison.paired_by_path(wanted, (stored.present for stored in found))
        if want is not None and (record is None or want.key != record.desired_key)
    ]
    if changed:
        raise AssertionError(f"nothing has changed, and {len(changed)} files seem to have")
