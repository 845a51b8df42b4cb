"""How the true quota may differ from the preset."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.throttle.tiers import tier_named
from tests.benchmarks.quota.service import DAY, HOUR, MINUTE, Behaviour, Span

BURST = 10.0
"""Seconds in which everything is refused, each hour."""

STORM = 10 * MINUTE
OF_A_DAY = 0.5
"""A hidden daily quota is what the rate admits in this share of the run."""


@dataclass(frozen=True, slots=True)
class Goal:
    """At least this share of the true quota, with less than that share refused."""

    used: float
    refused: float


RIGHT, BELOW = Goal(0.97, 0.005), Goal(0.92, 0.02)
"""Where the preset is right, and where the truth is below it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A behaviour of the service, for a run of so many seconds.

    Attributes:
        name: As the tables have it.
        behaviour: What the service does.
        seconds: The length of the run.
        goal: What is wanted of the engine.
    """

    name: str
    behaviour: Behaviour
    seconds: float
    goal: Goal


TWO_DAYS = 47 * HOUR
"""From the start of a run, at nine in the morning in UTC, to the end of the second quota day."""


def scenarios(tier: str, seconds: float) -> list[Scenario]:
    """Every scenario, for runs of so many seconds; if these are a day, a daily quota gets two."""
    rpm = float(tier_named(tier).rpm)
    as_preset = [(0.0, rpm)]
    third = seconds / 3
    halved = [(0.0, rpm), (third, rpm / 2), (2 * third, rpm)]
    hours = [HOUR * n for n in range(int(seconds // HOUR) + 1)] if seconds > HOUR else [0.0]
    middle = min(HOUR, seconds) / 2
    bursts = [Span(hour + middle, hour + middle + BURST) for hour in hours]
    storm = [Span(seconds / 3, seconds / 3 + min(STORM, seconds / 6))]
    a_day = int(rpm * seconds * OF_A_DAY / MINUTE)
    days = TWO_DAYS if seconds >= DAY else seconds
    return [
        Scenario("as preset", Behaviour(as_preset), seconds, RIGHT),
        Scenario("60 % of it", Behaviour([(0.0, 0.6 * rpm)]), seconds, BELOW),
        Scenario("halved and back", Behaviour(halved), seconds, BELOW),
        Scenario("bursts of 429s", Behaviour(as_preset, bursts=bursts), seconds, RIGHT),
        Scenario("a daily quota", Behaviour(as_preset, a_day=a_day), days, BELOW),
        Scenario("a storm of 5xx", Behaviour(as_preset, storms=storm), seconds, RIGHT),
        Scenario("imports of 0.1 s", Behaviour(as_preset, 0.1), seconds, RIGHT),
        Scenario("imports of 60 s", Behaviour(as_preset, 60.0), seconds, RIGHT),
    ]
