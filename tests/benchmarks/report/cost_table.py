"""``python -m tests.benchmarks.report.cost_table`` writes the table of docs/deploy.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.price.section import SHARE, TOKENS
from tests.benchmarks.report.stored import COMMITTED, values

PAGE = COMMITTED.with_name("deploy.md")
HEADING = "### What a new file costs"

_NAMES = ("seconds of upload", "reads", "writes", "task operations", "requests")


def rows() -> list[list[str]]:
    """A row for each tier that was measured."""
    known = values()["price"]
    few, many = (f"{tokens:,} tokens" for tokens in TOKENS)
    return [_row(tier, known, few, many) for tier in SHARE if f"{tier}, {few}: all items" in known]


def _row(tier: str, known: Mapping[str, float], few: str, many: str) -> list[str]:
    shares = (known[f"{tier}, {tokens}: of the embedding's price"] for tokens in (few, many))
    return [
        f"`{tier}`",
        *(f"{known[f'{tier}, {few}: {name}']:.1f}" for name in _NAMES),
        f"{known[f'{tier}, {few}: log bytes'] / 1000:.1f} kB",
        f"{1000 * known[f'{tier}, {few}: all items']:.3f} $",
        *(f"{share:.1%}" for share in shares),
    ]


def write(page: Path = PAGE) -> None:
    """Replace the rows of the page's table."""
    text = page.read_text("utf-8")
    before, found, after = text.partition(f"\n{HEADING}\n")
    if not found:
        raise LookupError(f"{page.name} has no heading {HEADING!r}")
    new = "".join(f"| {' | '.join(row)} |\n" for row in rows())
    after = re.sub(r"(\n\| --- .*\n)(?:\|.*\n)*", lambda head: head[1] + new, after, count=1)
    page.write_text(before + found + after, "utf-8")


if __name__ == "__main__":
    write()
