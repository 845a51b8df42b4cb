"""``python -m tests.simulation SEED`` replays one seed; ``--seeds FIRST COUNT`` plays many.

With ``--variants`` the seeds are tried on broken variants: on those that are named, or on those for
which no seed is known.
"""

from __future__ import annotations

import argparse
import sys
import time
from multiprocessing import Pool

from tests.simulation.checks.violation import Violation
from tests.simulation.seed_search import MUTATIONS, first_seed
from tests.simulation.simulation import Simulation


def play(seed: int) -> tuple[int, str]:
    """Play a seed; returns it with the broken invariant, or with an empty text."""
    try:
        Simulation(seed).run()
    except Violation as violation:
        return seed, str(violation)
    return seed, ""


def replay(seed: int, steps: int, *, reads: bool) -> int:
    """Play a seed and print its steps; returns the exit status."""
    simulation = Simulation(seed)
    end, status = "kept every promise", 0
    try:
        simulation.run()
    except Violation as violation:
        end, status = str(violation), 1
    story = simulation.story(reads=reads)[-steps:]
    print(*story, simulation.trouble, f"seed {seed}: {end}", sep="\n")  # noqa: T201 - its purpose
    return status


def play_all(first: int, count: int, processes: int) -> int:
    """Play many seeds and print the failing ones as they are found; returns the exit status."""
    broken, begun = 0, time.monotonic()
    with Pool(processes) as pool:
        for seed, how in pool.imap_unordered(play, range(first, first + count), chunksize=20):
            if how:
                broken += 1
                print(f"seed {seed}: {how[:400]}", flush=True)  # noqa: T201 - its purpose
    rate = count / (time.monotonic() - begun)
    print(f"{count} seeds, {broken} broken, {rate:.1f} a second")  # noqa: T201 - its purpose
    return 1 if broken else 0


def search(names: list[str], first: int, count: int, processes: int) -> int:
    """Print a seed that finds each variant; returns the exit status."""
    missed = 0
    for name in names or [each.name for each in MUTATIONS.values() if not each.seed]:
        seed = first_seed(name, range(first, first + count), processes)
        missed += seed is None
        print(name, seed or "not found", flush=True)  # noqa: T201 - its purpose
    return 1 if missed else 0


def main() -> int:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="replay this one")
    parser.add_argument("--steps", type=int, default=80, help="of the story that are shown")
    parser.add_argument("--reads", action="store_true", help="show what was read as well")
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "COUNT"))
    parser.add_argument("--variants", nargs="*", metavar="NAME")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return replay(arguments.seed, arguments.steps, reads=arguments.reads)
    if arguments.seeds is None:
        parser.error("name a seed, or --seeds FIRST COUNT")
    first, count = arguments.seeds
    if arguments.variants is not None:
        if unknown := ", ".join(set(arguments.variants) - set(MUTATIONS)):
            parser.error(f"no variant is called {unknown}")
        return search(arguments.variants, first, count, arguments.processes)
    return play_all(first, count, arguments.processes)


if __name__ == "__main__":
    sys.exit(main())
