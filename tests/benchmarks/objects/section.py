"""What many objects cost: those that have not changed, and those that are new."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.benchmarks import parallel
from tests.benchmarks.objects import new
from tests.benchmarks.objects.unchanged import Cost, cost, read_everything, settled, sync
from tests.benchmarks.report.figures import Figure, Section, Size, at_least, at_most

THOUSAND, MILLION = 1_000, 1_000_000


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many objects are measured.

    Attributes:
        unchanged: Few and many unchanged ones, or more.
        compared: Unchanged ones that are also compared with a plain reading of all records.
        new: New ones on a local Firestore.
        scanned: Few and many new ones whose documents nobody keeps.
    """

    unchanged: tuple[int, ...]
    compared: int
    new: int
    scanned: tuple[int, int]


COUNTS: Mapping[Size, _Counts] = {
    Size.SMOKE: _Counts((200, 2_000), 200, 50, (50, 500)),
    Size.USUAL: _Counts((20_000, 200_000), 20_000, 20_000, (2_000, 20_000)),
    Size.FULL: _Counts((20_000, 200_000, 1_000_000), 20_000, 200_000, (20_000, 200_000)),
}

READS = 1.2
"""The most reads for a thousand unchanged objects, at a million of them."""

EXPONENT = 1.05
"""Of costs over counts: 1 is linear."""

OF_RAW = 0.7
"""Of the rate of writing the same documents: that of planning new objects."""

FLAT = 2.0
"""Bytes of memory for each object more; one whose name alone was held would take fifty."""


def section(size: Size) -> Section:
    """Measure all."""
    counts = COUNTS[size]
    largest_first = sorted(counts.unchanged, reverse=True)
    costs = parallel.each(_unchanged, [(count,) for count in largest_first])
    scans = parallel.each(new.scanned, [(count,) for count in reversed(counts.scanned)])
    figures = [
        *_of_unchanged(dict(zip(largest_first, costs, strict=True))),
        *_beside_reading(counts.compared),
        *_of_new(counts.new, dict(zip(reversed(counts.scanned), scans, strict=True))),
    ]
    title = "Many objects: unchanged ones on the twins, new ones beside raw writes"
    return Section("objects", title, tuple(figures))


def _unchanged(count: int) -> Cost:
    return cost(settled(count), sync)


def _of_unchanged(costs: Mapping[int, Cost]) -> Iterator[Figure]:
    for count, each in sorted(costs.items()):
        about = f"{count:,} unchanged"
        reads = each.reads * THOUSAND / count
        goal = at_most(READS) if count >= MILLION else None
        yield Figure(f"{about}: reads for each thousand", reads, "", goal)
        yield Figure(f"{about}: metered requests", each.metered, "", at_most(0))
    few, *_, many = sorted(costs)
    a_read = (costs[many].reads - costs[few].reads) / (many - few)
    if MILLION not in costs:
        at_million = costs[few].reads + a_read * (MILLION - few)
        yield Figure(
            "a million unchanged: reads for each thousand",
            at_million * THOUSAND / MILLION,
            "",
            at_most(READS),
            note=f"from those of {few:,} and {many:,}",
        )
    times = {count: each.seconds for count, each in costs.items()}
    yield _exponent(f"unchanged, {few:,} to {many:,}: growth of CPU time", times)
    yield _memory("unchanged", {count: each.peak for count, each in costs.items()})


def _beside_reading(count: int) -> Iterator[Figure]:
    """Beside listing the bucket and reading every record."""
    world = settled(count)
    ours, naive = cost(world, sync), cost(world, read_everything)
    about = f"{count:,} unchanged, beside reading all"
    yield Figure(f"{about}: reads", ours.reads, "", None, {"reading all": naive.reads})
    cpu = {"reading all": naive.seconds}
    yield Figure(f"{about}: CPU", ours.seconds, "s", None, cpu, is_exact=False)
    peak = {"reading all": naive.peak / 1e6}
    yield Figure(f"{about}: memory", ours.peak / 1e6, "MB", None, peak, is_exact=False)


def _of_new(count: int, scans: Mapping[int, new.Scanned]) -> Iterator[Figure]:
    rates = new.rates(count)
    yield Figure(
        f"{count:,} new: planned, of the rate of raw writes",
        rates.scanned / rates.written,
        "%",
        at_least(OF_RAW),
        is_exact=False,
        note=f"{rates.scanned:,.0f} and {rates.written:,.0f} a second on a local Firestore",
    )
    few, many = sorted(scans)
    times = {count: each.seconds for count, each in scans.items()}
    yield _exponent(f"new, {few:,} to {many:,}: growth of CPU time", times)
    yield _memory("new", {count: each.peak for count, each in scans.items()})


def _memory(kind: str, peaks: Mapping[int, int]) -> Figure:
    """What the most objects take more than the fewest, for each object more."""
    few, *_, many = sorted(peaks)
    name = f"{kind}, {few:,} to {many:,}: memory for each object more"
    note = f"{peaks[few] / 1e6:.1f} and {peaks[many] / 1e6:.1f} MB beside the twins"
    grown = (peaks[many] - peaks[few]) / (many - few)
    return Figure(name, grown, "bytes", at_most(FLAT), note=note)


def _exponent(name: str, costs: Mapping[int, float]) -> Figure:
    """Of the cost over the count, from the fewest to the most."""
    few, *_, many = sorted(costs)
    growth = math.log(costs[many] / costs[few]) / math.log(many / few)
    return Figure(name, growth, "", at_most(EXPONENT), is_exact=False)
