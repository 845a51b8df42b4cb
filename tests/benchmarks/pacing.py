"""``python -m tests.benchmarks.pacing``: how the pacing reacts to 429s, in virtual time.

There are two kinds of service. One refuses a steady share of calls, whatever their rate: how much
of the preset is left? The other has a true limit below the preset: how much of it is used, and at
the price of how many 429s? Takes minutes; ``--quick`` leaves out the larger loads.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from shared.domain.throttle.tiers import tier_named
from tests.benchmarks.load import METERED, POLLS, Journal, SteadyShare, TokenBucket, sync

FILES = 300
SHARES = (0.0, 0.01, 0.05, 0.10, 0.20)
LIMITS = (0.95, 0.5, 0.2)
SEEDS = (1, 2, 3)

MANY_FILES = {"tier1": 300, "tier2": 1500, "tier3": 3000}
"""Files for a service with a true limit: enough to continue long after it was found."""


def main(argv: Sequence[str]) -> int:
    """Print both tables."""
    logging.disable()
    tiers = ("tier1",) if "--quick" in argv else tuple(MANY_FILES)
    _print(f"A steady share of 429s, {FILES} files, the mean of {len(SEEDS)} seeds")
    _print("tier    429s of   share   minutes  of preset   429s  openings  least factor")
    for tier in tiers:
        for name, calls in (("metered", METERED), ("any call", METERED + POLLS)):
            for share in SHARES:
                runs = [sync(tier, FILES, SteadyShare(share, calls, seed)) for seed in SEEDS]
                _print(f"{tier:7} {name:8} {share:6.0%}" + _figures(runs, tier_named(tier).rpm))
    _print("")
    _print("A true limit below the preset")
    _print("tier    files     limit   minutes  of limit    429s  openings  least factor   settled")
    for tier in tiers:
        files = MANY_FILES[tier]
        for share in LIMITS:
            limit = share * tier_named(tier).rpm
            run = sync(tier, files, TokenBucket(limit))
            later = run.settled()
            _print(
                f"{tier:7} {files:8} {share:6.0%}" + _figures([run], limit) + f"      "
                f"{later.rate / limit:.2f} of it, {later.refused_share:.1%} refused"
            )
    return 0


def _figures(runs: Sequence[Journal], allowed: float) -> str:
    minutes, rate, refused, openings = (
        sum(values) / len(runs)
        for values in zip(
            *((run.minutes, run.rate, run.refused, run.openings) for run in runs), strict=True
        )
    )
    least = min(run.least_factor for run in runs)
    late = "" if all(run.finished for run in runs) else "  not finished"
    return f"{minutes:10.1f}{rate / allowed:11.2f}{refused:7.0f}{openings:10.1f}{least:14.2f}{late}"


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
