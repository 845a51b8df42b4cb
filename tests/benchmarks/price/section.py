"""What a file costs beside its embedding, and which item would be the next to cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.benchmarks import parallel
from tests.benchmarks.price.bill import Bill, bill
from tests.benchmarks.price.price_table import as_of
from tests.benchmarks.report import pictures
from tests.benchmarks.report.figures import Figure, Section, Size, at_most

FILES: Mapping[Size, Mapping[str, int]] = {
    Size.SMOKE: {"tier3": 10},
    Size.USUAL: {"tier1": 200, "tier2": 600, "tier3": 1500},
    Size.FULL: {"free": 50, "tier1": 600, "tier2": 2000, "tier3": 6000},
}
"""Enough for minutes at each tier's rate."""

TOKENS = (2_000, 20_000)

SHARE = {"free": 0.25, "tier1": 0.25, "tier2": 0.15, "tier3": 0.15}
"""Of the embedding of 2,000 tokens: what all else may cost."""

WRITES, READS = 10, 8


def section(size: Size) -> Section:
    """Measure every tier."""
    wanted = [(tier, tokens, files) for tier, files in FILES[size].items() for tokens in TOKENS]
    bills = parallel.each(bill, sorted(wanted, key=lambda each: each[2], reverse=True))
    bills.sort(key=lambda each: (each.tokens, [*SHARE].index(each.tier)))
    figures = [figure for each in bills for figure in _figures(each)]
    drawn = {
        f"{tokens}-tokens": _picture(tokens, [each for each in bills if each.tokens == tokens])
        for tokens in TOKENS
    }
    title = f"A file's price, list prices of {as_of()}, without the embedding"
    return Section("price", title, tuple(figures), drawn, tuple(_remarks(bills)))


def _figures(each: Bill) -> Iterator[Figure]:
    about = f"{each.tier}, {each.tokens:,} tokens"
    goal = at_most(SHARE[each.tier]) if each.tokens == TOKENS[0] else None
    yield Figure(f"{about}: of the embedding's price", each.share, "%", goal)
    if each.tokens != TOKENS[0]:
        return
    yield Figure(f"{about}: all items", each.total, "USD")
    goals = {"writes": at_most(WRITES), "reads": at_most(READS)}
    for item in each.items:
        note = f"{item.dollars / each.embedding:.1%} of the embedding"
        yield Figure(f"{about}: {item.name}", item.amount, "", goals.get(item.name), note=note)


def _remarks(bills: list[Bill]) -> Iterator[str]:
    for each in bills:
        if each.tokens == TOKENS[0]:
            first = each.items[0]
            yield (
                f"{each.tier}: the next cut is {first.name}, "
                f"{first.dollars / each.total:.0%} of all items"
            )


def _picture(tokens: int, bills: list[Bill]) -> str:
    names = sorted({item.name for each in bills for item in each.items})
    groups = {
        name: {each.tier: each.dollars(name) / each.embedding for each in bills} for name in names
    }
    most = max(share for group in groups.values() for share in group.values())
    title = f"A file of {tokens:,} tokens: items as shares of the embedding's price"
    return pictures.bars(title, groups, most=most)
