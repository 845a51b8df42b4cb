"""How the pacing reacts to 429s, in virtual time.

There are two kinds of service. One refuses a steady share of calls, whatever their rate: how much
of the preset is left? The other has a true limit below the preset: how much of it is used, and at
the price of how many 429s?
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.domain.throttle.tiers import tier_named
from tests.benchmarks import parallel
from tests.benchmarks.quota.load import Journal, Service, SteadyShare, TokenBucket, sync
from tests.benchmarks.report.figures import Figure, Section, Size

FILES: Mapping[Size, Mapping[str, int]] = {
    Size.SMOKE: {"tier1": 10},
    Size.USUAL: {"tier1": 300},
    Size.FULL: {"tier1": 300, "tier2": 1500, "tier3": 3000},
}
"""Files of each tier: enough to continue long after a true limit was found."""

SHARES = (0.0, 0.01, 0.05, 0.10, 0.20)
LIMITS = (0.95, 0.5, 0.2)


def section(size: Size) -> Section:
    """Measure every kind of service."""
    wanted = [
        (tier, files, name)
        for tier, files in FILES[size].items()
        for name in (["none"] if size is Size.SMOKE else _services(tier))
    ]
    runs = parallel.each(_run, wanted)
    figures = [
        figure
        for (tier, files, name), run in zip(wanted, runs, strict=True)
        for figure in _figures(f"{tier}, {files:,} files, {name}", run)
    ]
    return Section("pacing", "Syncs while some calls are refused, virtual time", tuple(figures))


def _services(tier: str) -> dict[str, Service]:
    """The services, by which calls they refuse."""
    rpm = tier_named(tier).rpm
    steady = {f"{share:.0%} of metered calls": SteadyShare(share) for share in SHARES[1:]}
    limited = {f"beyond {share:.0%} of the rate": TokenBucket(share * rpm) for share in LIMITS}
    return {"none": SteadyShare(0.0), **steady, **limited}


def _run(tier: str, files: int, name: str) -> Journal:
    return sync(tier, files, _services(tier)[name])


def _figures(about: str, run: Journal) -> Iterator[Figure]:
    note = "" if run.finished else "it was not finished"
    yield Figure(f"{about}: minutes", run.minutes, "", note=note)
    yield Figure(f"{about}: 429s", run.refused, "")
