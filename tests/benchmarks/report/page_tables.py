"""``python -m tests.benchmarks.report.page_tables`` writes the tables that bench.json fills."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tests.benchmarks.price.section import SHARE, TOKENS
from tests.benchmarks.quota.scenarios import scenarios
from tests.benchmarks.quota.scripts import programs
from tests.benchmarks.report.stored import COMMITTED, baselines, values

Rows = list[list[str]]

_AMOUNTS = ("seconds of upload", "reads", "writes", "task operations", "requests")


def costs() -> Rows:
    """What a new file costs: a row for each tier that was measured."""
    known = values()["price"]
    few, many = (f"{tokens:,} tokens" for tokens in TOKENS)
    tiers = [tier for tier in SHARE if f"{tier}, {few}: all items" in known]
    return [_cost(tier, known, few, many) for tier in tiers]


def _cost(tier: str, known: Mapping[str, float], few: str, many: str) -> list[str]:
    shares = (known[f"{tier}, {tokens}: of the embedding's price"] for tokens in (few, many))
    return [
        f"`{tier}`",
        *(f"{known[f'{tier}, {few}: {name}']:.1f}" for name in _AMOUNTS),
        f"{known[f'{tier}, {few}: log bytes'] / 1000:.1f} kB",
        f"{1000 * known[f'{tier}, {few}: all items']:.3f} $",
        *(f"{share:.1%}" for share in shares),
    ]


def used() -> Rows:
    """How much of the quota is used: a row for each scenario."""
    return [_used(scenario.name) for scenario in scenarios("tier1", 1.0)]


def _used(scenario: str) -> list[str]:
    names = [f"tier1, {scenario}: {what}" for what in ("used", "throttled", "failed")]
    mine, others = values()["quota"], baselines()["quota"]
    found = [[mine[name] for name in names]]
    found += [[others[name][program] for name in names] for program in programs(1)]
    fast = mine[f"tier3, {scenario}: used"]
    cells = [f"{share:.1%}, {refused:.1%}, {failed:.0f}" for share, refused, failed in found]
    return [scenario, *cells, f"{fast:.1%}"]


TABLES: Mapping[tuple[str, str], Callable[[], Rows]] = {
    ("deploy.md", "### What a new file costs"): costs,
    ("limits.md", "### How much of the quota is used"): used,
}
"""The rows of each table, by page and heading."""


def write() -> None:
    """Replace the rows of each table."""
    for (name, heading), rows in TABLES.items():
        page = COMMITTED.with_name(name)
        before, found, after = page.read_text("utf-8").partition(f"\n{heading}\n")
        if not found:
            raise LookupError(f"{name} has no heading {heading!r}")
        new = "".join(f"| {' | '.join(row)} |\n" for row in rows())
        head, rule, rest = re.split(r"(\n\| --- .*\n)", after, maxsplit=1)
        rest = re.sub(r"\A(?:\|.*\n)*", "", rest)
        page.write_text(f"{before}{found}{head}{rule}{new}{rest}", "utf-8")


if __name__ == "__main__":
    write()
