"""The rate that is used while deliveries come late.

It runs in virtual time, with the uploads queue's rate, burst and concurrency, against a service
that admits exactly the preset in any 60 seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from shared.domain.throttle.tiers import tier_named
from tests.benchmarks import parallel
from tests.benchmarks.report.figures import Figure, Section, Size, at_most
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

RUNS: Mapping[Size, Mapping[str, float]] = {
    Size.SMOKE: {"tier1": 1},
    Size.USUAL: {"tier1": 14},
    Size.FULL: {"free": 14, "tier1": 14, "tier2": 14, "tier3": 3},
}
"""Minutes that are measured on each tier."""


def section(size: Size) -> Section:
    """Measure every kind of lateness."""
    wanted = [(tier, name, minutes) for tier, minutes in RUNS[size].items() for name in DELAYS]
    if size is Size.SMOKE:
        wanted = wanted[-1:]
    found = parallel.each(_measured, wanted)
    figures = [
        figure
        for (tier, name, _), each in zip(wanted, found, strict=True)
        for figure in _figures(tier, name, each)
    ]
    return Section("lateness", "Deliveries that come late, virtual time", tuple(figures))


def _measured(tier: str, name: str, minutes: float) -> tuple[float, int, int]:
    """The share of the preset that is used, the most requests in a minute, and the 429s."""
    files = int((minutes + 4) * tier_named(tier).rpm / 2)
    world = RatedWorld(tier, files, _late(DELAYS[name]), has_many=True)
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


def _figures(tier: str, name: str, found: tuple[float, int, int]) -> Iterator[Figure]:
    share, most, refused = found
    preset = tier_named(tier).rpm
    yield Figure(f"{tier}, {name}: share of the preset", share, "%")
    yield Figure(f"{tier}, {name}: most in a minute", most, "", at_most(preset))
    yield Figure(f"{tier}, {name}: 429s", refused, "", at_most(0))
