"""The share of the quota that is used, beside what a user would run instead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import product

from shared.domain.throttle.tiers import tier_named
from tests.benchmarks import parallel
from tests.benchmarks.quota.measure import ENGINE, Used, of_engine, of_script
from tests.benchmarks.quota.scenarios import Scenario, scenarios
from tests.benchmarks.quota.scripts import programs
from tests.benchmarks.quota.service import HOUR, MINUTE
from tests.benchmarks.report import pictures
from tests.benchmarks.report.figures import Figure, Section, Size, at_least, at_most

SECONDS: Mapping[Size, Mapping[str, float]] = {
    Size.SMOKE: {"tier1": 5 * MINUTE},
    Size.USUAL: {"tier1": 6 * HOUR, "tier3": 10 * MINUTE},
    Size.FULL: {"tier1": 24 * HOUR, "tier3": HOUR},
}
"""How long each run is, in virtual time."""

SMOKED = ("as preset", "a storm of 5xx")

Runs = Mapping[str, Mapping[str, Used]]
"""The runs of one tier by scenario and program."""


def section(size: Size) -> Section:
    """Measure every scenario."""
    wanted = [
        (tier, scenario)
        for tier, seconds in SECONDS[size].items()
        for scenario in scenarios(tier, seconds)
        if size is not Size.SMOKE or scenario.name in SMOKED
    ]
    of_each: dict[str, dict[str, dict[str, Used]]] = defaultdict(lambda: defaultdict(dict))
    for used in parallel.each(_played, [*product((ENGINE, *programs(1)), wanted)]):
        of_each[used.tier][used.scenario][used.program] = used
    figures: list[Figure] = []
    drawn: dict[str, str] = {}
    for tier, seconds in SECONDS[size].items():
        runs = of_each[tier]
        mine = [scenario for each, scenario in wanted if each == tier]
        figures += [figure for each in mine for figure in _figures(tier, each, runs[each.name])]
        figures.append(_lead(tier, runs))
        drawn |= _pictures(tier, seconds, runs)
    lengths = ", ".join(f"{t} for {s / HOUR:.3g} hours" for t, s in SECONDS[size].items())
    return Section("quota", f"Quota used: {lengths}, virtual time", tuple(figures), drawn)


def _played(program: str, where: tuple[str, Scenario]) -> Used:
    tier, scenario = where
    return of_engine(tier, scenario) if program == ENGINE else of_script(program, tier, scenario)


def _figures(tier: str, scenario: Scenario, runs: Mapping[str, Used]) -> Iterator[Figure]:
    about, mine = f"{tier}, {scenario.name}", runs[ENGINE]
    others = [run for name, run in runs.items() if name != ENGINE]
    goal = scenario.goal
    yield Figure(
        f"{about}: used", mine.used, "%", at_least(goal.used), {r.program: r.used for r in others}
    )
    yield Figure(
        f"{about}: throttled",
        mine.refused,
        "%",
        at_most(goal.refused),
        {r.program: r.refused for r in others},
    )
    yield Figure(
        f"{about}: failed", mine.failed, "files", at_most(0), {r.program: r.failed for r in others}
    )


def _lead(tier: str, runs: Runs) -> Figure:
    """By how much more of the quota is used than by the best script, where that is least."""

    def over(scenario: str) -> float:
        others = [run.used for name, run in runs[scenario].items() if name != ENGINE]
        return runs[scenario][ENGINE].used - max(others)

    least = min(runs, key=over)
    return Figure(
        f"{tier}: used, beyond the best script", over(least), "%", at_least(0), note=least
    )


def _pictures(tier: str, seconds: float, runs: Runs) -> Iterator[tuple[str, str]]:
    used = {name: {p: run.used for p, run in of.items()} for name, of in runs.items()}
    refused = {name: {p: run.refused for p, run in of.items()} for name, of in runs.items()}
    yield f"{tier}-used", pictures.bars(f"{tier}: share of the true quota used", used, most=1.0)
    yield (
        f"{tier}-throttled",
        pictures.bars(f"{tier}: share of requests that got a 429", refused, most=1.0),
    )
    rpm = tier_named(tier).rpm
    for name, of in runs.items():
        minutes = {program: run.admitted for program, run in of.items()}
        title = f"{tier}, {name}: admitted requests over {seconds / HOUR:.3g} hours"
        file = f"{tier}-{name.replace(' ', '-').replace('%', 'percent')}"
        yield file, pictures.curves(title, minutes, most=1.25 * rpm, unit="requests a minute")
