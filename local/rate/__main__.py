"""`python -m local.rate`: whether the request rate is used fully and never exceeded, in real time.

The full stack syncs a generated folder with no time scale, while the simulated service enforces
its quota in every sliding minute.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from local.fss.deployment.outcome import Exit, Failure
from local.printable import printable_lines
from local.processes.children import CouldNotRun
from local.rate.measurement import Measurement
from shared.domain.throttle.tiers import tier_named

MINUTES = {"tier1": 8.0, "tier2": 5.0}
"""How long each tier is measured by default."""

CORES_FOR_BOTH = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the results, and return 1 if a bound was missed."""
    parser = argparse.ArgumentParser(prog="python -m local.rate", description=__doc__)
    parser.add_argument("--tier", choices=MINUTES, help="measure only this tier; default: both")
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="N",
        help="minutes per tier; default: 8 for tier1, 5 for tier2",
    )
    arguments = parser.parse_args(argv)
    tiers = [arguments.tier] if arguments.tier else list(MINUTES)
    cancelled = threading.Event()
    cores = os.cpu_count() or 1
    at_once = len(tiers) if cores >= CORES_FOR_BOTH else 1
    measurements = [
        Measurement(tier_named(tier), arguments.minutes or MINUTES[tier], cancelled)
        for tier in tiers
    ]
    print(f"Measuring {' and '.join(tiers)} in real time ...", file=sys.stderr, flush=True)
    try:
        with ThreadPoolExecutor(at_once) as pool:
            results = [pool.submit(measurement.run) for measurement in measurements]
            try:
                measured = [result.result() for result in results]
            except BaseException:
                cancelled.set()
                raise
    except (CouldNotRun, Failure) as error:
        print(printable_lines(f"rate: {error}"), file=sys.stderr)
        return Exit.COULD_NOT_RUN
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    for each in measured:
        print("\n".join(each.lines()), flush=True)
    return (
        Exit.NOT_IN_STEP if any(True for each in measured for _ in each.missed()) else Exit.IN_STEP
    )


if __name__ == "__main__":
    sys.exit(main())
