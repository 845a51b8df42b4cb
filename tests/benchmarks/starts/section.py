"""How long functions take to their first answer, and a large file through the upload step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.report.figures import Figure, Section, Size, at_least, at_most
from tests.benchmarks.starts.copied_file import Copied, copied
from tests.benchmarks.starts.first_answer import BARE, starts

MOST = {"status": 2.0, "dispatcher": 3.5, "upload": 4.5}
"""Times a bare function's first answer."""

MB = 1e6
PEAK = 32.0
"""MB above those of an idle process."""

OF_PLAIN = 0.8
"""Of the speed of copying the same bytes with no logic."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """How often these functions are started, and a file of ``size`` bytes is copied."""

    functions: tuple[str, ...]
    starts: int
    copies: int
    size: int


RUNS: Mapping[Size, _Runs] = {
    Size.SMOKE: _Runs(("status",), 0, 1, 1_000_000),
    Size.USUAL: _Runs((*MOST,), 5, 3, 100_000_000),
    Size.FULL: _Runs((*MOST,), 15, 9, 100_000_000),
}


def section(size: Size) -> Section:
    """Measure both."""
    runs = RUNS[size]
    figures = (*_of_starts(runs), *_of_copies(runs))
    return Section("starts", "Starts, and a file of 100 MB; medians", figures)


def _of_starts(runs: _Runs) -> Iterator[Figure]:
    found = starts(runs.functions, runs.starts)
    bare = found[BARE]
    for name in runs.functions:
        mine = found[name]
        yield Figure(
            f"{name}: first answer, of a bare function's",
            mine.seconds / bare.seconds,
            "x",
            at_most(MOST[name]),
            is_exact=False,
            note=f"{mine.seconds:.2f} and {bare.seconds:.2f} s",
        )
        cpu = mine.cpu / bare.cpu
        yield Figure(f"{name}: CPU of it, of a bare function's", cpu, "x", is_exact=False)
        others = {BARE: bare.memory / MB}
        yield Figure(
            f"{name}: memory", mine.memory / MB, "MB", None, others, is_exact=False, note="idle"
        )


def _of_copies(runs: _Runs) -> Iterator[Figure]:
    by: dict[str, list[Copied]] = {"step": [], "plain": []}
    for _ in range(runs.copies):
        for how, of in by.items():
            of.append(copied(how, runs.size))
    seconds = {how: median(each.seconds for each in of) for how, of in by.items()}
    peak = {how: median(each.peak for each in of) / MB for how, of in by.items()}
    about = f"{runs.size / MB:.0f} MB through the upload step"
    yield Figure(
        f"{about}: memory above idle",
        peak["step"],
        "MB",
        at_most(PEAK),
        {"plain copy": peak["plain"]},
        is_exact=False,
    )
    yield Figure(
        f"{about}: speed, of a plain copy's",
        seconds["plain"] / seconds["step"],
        "%",
        at_least(OF_PLAIN),
        is_exact=False,
        note=f"{seconds['plain']:.1f} and {seconds['step']:.1f} s",
    )
