"""Plays the engine, or a script, in a scenario."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from shared.domain.file.record import FileStatus
from shared.domain.throttle.tiers import tier_named
from tests.benchmarks.quota.engine import STARTS_AT, Engine
from tests.benchmarks.quota.scenarios import Scenario
from tests.benchmarks.quota.scripts import Client, programs
from tests.benchmarks.quota.service import MINUTE, QuotaService
from tests.benchmarks.quota.virtual_loop import play

ENGINE = "this project"

WARM_UP = 4 * MINUTE
"""What happens before is not counted, so that short runs tell what long ones do: tier3 learns how
many imports may be in progress."""

SPARE_FILES = 100


@dataclass(frozen=True, slots=True)
class Used:
    """What became of the quota.

    Attributes:
        program: Who used it.
        scenario, tier: Where.
        used: The share of the true quota that was turned into indexed files, two requests each.
        refused: The share of metered requests that got a 429.
        failed: Files that were given up.
        admitted: Admitted requests by the minute.
    """

    program: str
    scenario: str
    tier: str
    used: float
    refused: float
    failed: int
    admitted: list[int]


def of_engine(tier: str, scenario: Scenario, **changes: Any) -> Used:
    """Play the engine; ``changes`` are those of its rules."""
    service = QuotaService(scenario.behaviour, STARTS_AT)
    most = tier_named(tier).rpm * scenario.seconds / MINUTE
    capacity = min(most, scenario.behaviour.capacity(0, scenario.seconds, STARTS_AT))
    engine = Engine(tier, int(capacity / 2) + SPARE_FILES, service, **changes)
    try:
        engine.play_to(_since(scenario))
        before = engine.count(FileStatus.INDEXED)
        engine.play_to(scenario.seconds)
        indexed = engine.count(FileStatus.INDEXED) - before
        return _used(ENGINE, tier, scenario, service, indexed, engine.count(FileStatus.FAILED))
    finally:
        engine.close()


def of_script(name: str, tier: str, scenario: Scenario, seed: int = 1) -> Used:
    """Play one of the scripts."""
    service = QuotaService(scenario.behaviour, STARTS_AT)
    client = Client(service)
    random.seed(seed)  # the official client's jitter comes from there
    program = programs(tier_named(tier).rpm)[name]
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    play(program(client, chance), scenario.seconds)
    indexed = sum(at >= _since(scenario) for at in client.indexed)
    return _used(name, tier, scenario, service, indexed, client.failed)


def _since(scenario: Scenario) -> float:
    """From when on is counted: a day's quota is used from the start."""
    return 0.0 if scenario.behaviour.a_day else WARM_UP


def _used(
    name: str, tier: str, scenario: Scenario, service: QuotaService, indexed: int, failed: int
) -> Used:
    minutes = range(int(scenario.seconds // MINUTE))
    since = _since(scenario)
    return Used(
        program=name,
        scenario=scenario.name,
        tier=tier,
        used=2 * indexed / scenario.behaviour.capacity(since, scenario.seconds, STARTS_AT),
        refused=service.share_refused(since),
        failed=failed,
        admitted=[service.admitted.get(minute, 0) for minute in minutes],
    )
