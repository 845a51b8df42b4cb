"""``python -m tests.benchmarks.unchanged``: the cost of a sync that finds no change.

It is compared with the simplest scan: list the bucket, read every record, and compare. Both run on
the in-memory twins, so reads and calls are exact; seconds and bytes are those of Python, and mean
something only as ratios. Each minute of a scan costs one more call of the supervisor.
"""

from __future__ import annotations

import argparse
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
from tests.benchmarks.meter import Meter
from tests.benchmarks.settled import library, settle
from tests.world import World, rules

OBJECTS = 20_000
FEW = 2_000


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one run: documents read, metered requests, listing calls, seconds, bytes."""

    reads: int
    metered: int
    listings: int
    seconds: float
    peak: int


def settled(count: int) -> World:
    """A world of ``count`` objects whose first sync was a day ago."""
    world = World(rules())
    settle(world, library(count))
    world.clock.advance(timedelta(days=1))
    world._next_tick = world.clock.now()
    return world


def cost(world: World, run: Callable[[Meter], None]) -> Cost:
    """Run twice: once for the time, and once for the memory, since measuring it takes time."""
    meter, metered = Meter(world), world.gemini.metered
    began = time.perf_counter()
    run(meter)
    seconds = time.perf_counter() - began
    gc.collect()
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


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--objects", type=int, default=OBJECTS)
    count = parser.parse_args().objects

    world = settled(count)
    ours, naive = cost(world, sync), cost(world, read_everything)
    few = cost(settled(FEW), sync)
    rows = [
        ("Firestore documents read", ours.reads, naive.reads, f"{naive.reads / ours.reads:.0f} x"),
        ("metered requests", ours.metered, naive.metered, ""),
        ("bucket listing calls", ours.listings, naive.listings, ""),
        ("seconds", "", "", f"{naive.seconds / ours.seconds:.1f} x"),
        ("peak memory", "", "", f"{naive.peak / ours.peak:.1f} x"),
    ]
    print(f"{count:,} unchanged objects, one sync")
    print(f"{'':28}{'a sync':>10}{'reading all':>14}{'saved':>10}")
    for name, mine, theirs, ratio in rows:
        print(f"{name:28}{mine:>10}{theirs:>14}{ratio:>10}")
    print(f"\npeak memory of {count:,} objects / of {FEW:,}: {ours.peak / few.peak:.2f}")

    unchanged = Meter(world)
    sync(unchanged)
    _print_reads("reads of an unchanged sync, by what was asked", unchanged)
    world.bucket.put(sorted(library(count))[count // 4], b"changed")
    changed = Meter(world)
    sync(changed)
    _print_reads("reads of a sync that finds one object changed", changed)


def _print_reads(title: str, meter: Meter) -> None:
    print(f"\n{title}: {meter.reads.total():,}")
    for asked, reads in meter.reads.most_common():
        print(f"{reads:>8,}  {asked}")


if __name__ == "__main__":
    main()
