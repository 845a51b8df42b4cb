"""What other numbers of the breaker would reach, where the ordered ones fall short.

Its cooldown of 300 seconds and a third of the rate while it is open are ordered.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from shared.domain.throttle.breaker_policy import BreakerPolicy
from tests.benchmarks import parallel
from tests.benchmarks.quota.measure import Used, of_engine
from tests.benchmarks.quota.scenarios import scenarios
from tests.benchmarks.quota.service import HOUR, MINUTE
from tests.benchmarks.report.figures import Figure, Section, Size

TIER = "tier1"
SECONDS: Mapping[Size, float] = {
    Size.SMOKE: 5 * MINUTE,
    Size.USUAL: 6 * HOUR,
    Size.FULL: 24 * HOUR,
}
SCENARIOS = ("60 % of it",)

_SHORT = timedelta(seconds=60)
POLICIES: Mapping[str, BreakerPolicy] = {
    "as ordered": BreakerPolicy(),
    "cooldown of 60 s": BreakerPolicy(cooldown=_SHORT),
    "cooldown of 60 s at two thirds of the rate": BreakerPolicy(cooldown=_SHORT, open_slowdown=1.5),
}


def section(size: Size) -> Section:
    """Measure each policy in each scenario that begins with a wrong preset."""
    smoke = size is Size.SMOKE
    wanted = [
        (scenario, policy)
        for scenario in SCENARIOS
        for policy in (["as ordered"] if smoke else POLICIES)
    ]
    found = parallel.each(_played, [(*each, SECONDS[size]) for each in wanted])
    figures: list[Figure] = []
    for (scenario, policy), used in zip(wanted, found, strict=True):
        figures.append(Figure(f"{scenario}, {policy}: used", used.used, "%"))
        figures.append(Figure(f"{scenario}, {policy}: throttled", used.refused, "%"))
    title = f"Other numbers of the breaker: {TIER} for {SECONDS[size] / HOUR:.3g} hours"
    return Section("settings", title, tuple(figures))


def _played(scenario: str, policy: str, seconds: float) -> Used:
    (wanted,) = [each for each in scenarios(TIER, seconds) if each.name == scenario]
    return of_engine(TIER, wanted, breaker=POLICIES[policy])
