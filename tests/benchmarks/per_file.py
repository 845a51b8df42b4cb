"""``python -m tests.benchmarks.per_file``: what a new file costs beside its embedding.

It runs in virtual time on the in-memory twins, so the counts are exact; deliveries overlap as those
of the queue do. Each call takes the time that ``latencies.py`` says, a raw file two seconds and an
import eight. Billed seconds are those of all calls of the functions, the supervisor's too: at tier1
none overlap, at tier3 many do, and share an instance at best.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import dataclass
from datetime import timedelta

from tests.benchmarks.latencies import Latencies
from tests.rated_world import RatedWorld

FILES = 100
RAW_FILE = timedelta(seconds=2)
IMPORT = timedelta(seconds=8)
TIERS = ("free", "tier1", "tier2", "tier3")


@dataclass(frozen=True, slots=True)
class Costs:
    """What one file costs.

    Attributes:
        writes, reads: Documents.
        tasks: Created tasks; each is one operation, and another one for its delivery.
        calls: Calls of the functions.
        billed: Seconds of these calls.
        shared: Seconds in which any call ran.
    """

    writes: float
    reads: float
    tasks: float
    calls: float
    billed: float
    shared: float


def costs(tier: str, files: int) -> Costs:
    """The costs of each file of a sync of new files."""
    rated = RatedWorld(tier, files)
    latencies = Latencies(rated)
    rated.world.gemini.file_latency = RAW_FILE
    rated.world.gemini.import_latency = IMPORT
    rated.play_out()
    documents, queues = rated.world.documents, rated.world.queues
    sums = (documents.writes, documents.reads, queues.created, len(rated.spans))
    return Costs(*(each / files for each in (*sums, latencies.billed(), latencies.overlapping())))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--tiers", nargs="*", choices=TIERS, default=["tier1", "tier2", "tier3"])
    options = parser.parse_args()
    logging.disable()
    print(f"{options.files:6} files   writes    reads    tasks    calls  billed s  shared s")
    for tier in options.tiers:
        found = costs(tier, options.files)
        shown = (found.writes, found.reads, found.tasks, found.calls, found.billed, found.shared)
        print(f"{tier:12}" + "".join(f"{each:9.2f}" for each in shown))


if __name__ == "__main__":
    main()
