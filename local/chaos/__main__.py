"""`python -m local.chaos`: syncs with injected faults, in sequence or in parallel."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from local.chaos.run import Run
from local.fss.deployment.outcome import Exit, Failure
from local.printable import printable_lines
from local.processes.children import CouldNotRun
from local.stack.options import FirestoreKind

SEEDS = (1, 2, 3, 4, 5)
FILES = 300
AT_ONCE = 3
"""How many stacks run in parallel; each keeps about a third of a core busy."""

SECONDS = 1200.0
"""The most that one run may take, from its first start."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print a line for each seed and a summary; return 1 if an invariant was broken."""
    arguments = _parser().parse_args(argv)
    cancelled = threading.Event()
    runs = [
        Run(
            seed=seed,
            files=arguments.files,
            seconds=arguments.seconds,
            firestore=arguments.firestore,
            evidence=arguments.evidence,
            cancelled=cancelled,
        )
        for seed in arguments.seeds
    ]
    broken = 0
    with ThreadPoolExecutor(arguments.at_once) as pool:
        futures = [pool.submit(run) for run in runs]
        try:
            for future in as_completed(futures):
                outcome = future.result()
                print(outcome.figures, flush=True)
                for problem in outcome.broken:
                    print(printable_lines(f"  BROKEN: {problem}"), flush=True)
                broken += bool(outcome.broken)
        except (CouldNotRun, Failure) as error:
            print(printable_lines(f"chaos: {error}"), file=sys.stderr)
            return Exit.COULD_NOT_RUN
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
        finally:
            cancelled.set()
            pool.shutdown(cancel_futures=True)
    held = len(runs) - broken
    print(f"{held} of {len(runs)} seeds of {arguments.files} files held every invariant")
    return Exit.NOT_IN_STEP if broken else Exit.IN_STEP


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.chaos", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="*", metavar="SEED", default=SEEDS)
    parser.add_argument("--files", type=int, default=FILES, help="how many files to sync")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="the most seconds for one seed"
    )
    parser.add_argument(
        "--at-once", type=int, default=AT_ONCE, help="how many seeds to run in parallel"
    )
    parser.add_argument(
        "--firestore",
        type=FirestoreKind,
        choices=list(FirestoreKind),
        default=FirestoreKind.EMBEDDED,
        help="what serves Firestore; only the embedded server injects faults of its own",
    )
    parser.add_argument(
        "--evidence", type=Path, metavar="FOLDER", help="where to leave the evidence of broken runs"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
