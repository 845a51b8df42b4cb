"""``python -m tests.benchmarks.price.schedules``: what syncs cost a month that find nothing.

Reads, writes, listings and tasks are counted on the in-memory twins. They grow by the same number
with each page of objects, so those of larger buckets follow. Prices are list prices of us-central1
without the free tiers. The seconds are assumed, since only the cloud can measure them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from tests.benchmarks.objects.unchanged import settled
from tests.benchmarks.price.price_table import price_of
from tests.world import rules

OBJECTS = (1_000, 20_000, 1_000_000)
MINUTES = (1, 5, 15)
MONTH = timedelta(days=30)

SECONDS_A_SYNC, SECONDS_A_PAGE = 3.0, 0.7
"""Assumed: what a sync takes of an instance without its scan, and each page of it."""

PAGE = rules().page_size


@dataclass(frozen=True, slots=True)
class Sync:
    """What one sync takes that finds nothing."""

    reads: float
    writes: float
    listings: float
    tasks: float
    seconds: float

    @property
    def cost(self) -> float:
        """US dollars."""
        return (
            self.reads * price_of("read")
            + self.writes * price_of("write")
            + self.listings * price_of("class_a")
            + self.tasks * 2 * price_of("task_operation")
            + self.seconds * (price_of("vcpu_second") + price_of("gib_second"))
        )


def measured(objects: int) -> Sync:
    """A sync of so many objects, on the twins."""
    world = settled(objects)
    documents, queues = world.documents, world.queues
    before = (documents.reads, documents.writes, queues.created)
    listings = world.bucket.calls["list_objects"]
    world.sync()
    return Sync(
        documents.reads - before[0],
        documents.writes - before[1],
        world.bucket.calls["list_objects"] - listings,
        queues.created - before[2],
        SECONDS_A_SYNC + SECONDS_A_PAGE * objects / PAGE,
    )


def of(objects: int, one: Sync, three: Sync) -> Sync:
    """A sync of so many objects, by those of one page and of three."""
    more = objects / PAGE - 1

    def grown(first: float, third: float) -> float:
        return first + more * (third - first) / 2

    return Sync(
        grown(one.reads, three.reads),
        grown(one.writes, three.writes),
        grown(one.listings, three.listings),
        grown(one.tasks, three.tasks),
        SECONDS_A_SYNC + SECONDS_A_PAGE * objects / PAGE,
    )


def a_month(sync: Sync, minutes: int) -> float:
    """US dollars of a month's syncs; one that is due while one runs is left out."""
    period = timedelta(minutes=minutes)
    apart = period * ceil(timedelta(seconds=sync.seconds) / period)
    return MONTH / apart * sync.cost


def rows() -> list[list[str]]:
    """The table of ``docs/limits.md``."""
    one, three = measured(PAGE), measured(3 * PAGE)
    table = []
    for objects in OBJECTS:
        sync = of(objects, one, three)
        counts = [sync.reads, sync.writes, sync.listings, sync.seconds]
        costs = [f"{a_month(sync, minutes):.2f}" for minutes in MINUTES]
        table.append([f"{objects:,}", *(f"{count:,.0f}" for count in counts), *costs])
    return table


def main() -> None:
    """Print the table."""
    for row in rows():
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
