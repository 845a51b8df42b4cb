"""``python -m tests.benchmarks.per_file``: writes and reads of a first sync, per file.

It runs in virtual time on the in-memory twins, so the counts are exact; deliveries overlap as those
of the queue do. The service takes as long
as in the simulator: at tier1 no imports overlap, at tier3 all do.
"""

from __future__ import annotations

import argparse
import logging
from datetime import timedelta

from tests.rated_world import RatedWorld

FILES = 100


def counts(tier: str, files: int) -> tuple[float, float]:
    """Writes and reads per file of a sync of new files."""
    rated = RatedWorld(tier, files)
    rated.world.gemini.file_latency = timedelta(seconds=2)
    rated.world.gemini.import_latency = timedelta(seconds=6)
    rated.play_out()
    documents = rated.world.documents
    return documents.writes / files, documents.reads / files


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--files", type=int, default=FILES)
    files = parser.parse_args().files
    logging.disable()
    print(f"{files} new files   writes a file   reads a file")
    for tier in ("tier1", "tier3"):
        writes, reads = counts(tier, files)
        print(f"{tier:13}{writes:16.1f}{reads:15.1f}")


if __name__ == "__main__":
    main()
