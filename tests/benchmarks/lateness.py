"""``python -m tests.benchmarks.lateness``: the rate that is used while deliveries come late.

It runs in virtual time, with the uploads queue's rate, burst and concurrency, against a service
that admits exactly the preset in any 60 seconds.
"""

from __future__ import annotations

import argparse
import logging
import random
from collections.abc import Callable
from datetime import timedelta

from shared.domain.throttle.tiers import load_tiers, tier_named
from tests.rated_world import MINUTE, Delay, RatedWorld

WARM_UP = 2 * MINUTE


def _late(seconds: Callable[[random.Random], float]) -> Delay:
    chance = random.Random(1)  # noqa: S311 - repeatable, not secret
    return lambda _: timedelta(seconds=seconds(chance))


DELAYS: dict[str, Callable[[random.Random], float]] = {
    "all on time": lambda _: 0.0,
    "queue paused for a minute": lambda _: 0.0,
    "every one 30 s late": lambda _: 30.0,
    "every one 28 to 32 s late": lambda chance: chance.uniform(28, 32),
    "one in ten 30 s late": lambda chance: 30.0 * (chance.random() < 0.1),
    "one in two 30 s late": lambda chance: 30.0 * (chance.random() < 0.5),
    "up to 60 s late": lambda chance: chance.uniform(0, 60),
}


def measured(tier: str, name: str, minutes: float) -> tuple[float, int, int]:
    """The share of the preset that is used, the most requests in a minute, and the 429s."""
    files = int((minutes + 4) * tier_named(tier).rpm / 2)
    world = RatedWorld(tier, files, _late(DELAYS[name]))
    try:
        world.play_for(WARM_UP)
        if name.startswith("queue paused"):
            world.pause()
            world.play_for(MINUTE)
            world.resume()
        begin = world.stage.now()
        world.play_for(minutes * MINUTE)
        return world.share_of_preset(begin), world.most_in_a_minute(), world.refused
    finally:
        world.close()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tier", choices=load_tiers(), action="append")
    parser.add_argument("--minutes", type=float, default=14)
    options = parser.parse_args()
    logging.disable()
    print("                                       share   most a minute   429s")
    for tier in options.tier or ("free", "tier1", "tier2"):
        for name in DELAYS:
            share, most, refused = measured(tier, name, options.minutes)
            print(f"{tier:8}{name:30}{share:8.2f}{most:12}{refused:11}", flush=True)


if __name__ == "__main__":
    main()
