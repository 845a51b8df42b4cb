"""What people's looks cost: lists, pages of a browser, and the fss command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tests.benchmarks.reading.command import LINES, cpu_ms
from tests.benchmarks.reading.lists import LIMIT, filled, lists, look, pages
from tests.benchmarks.reading.pages import PATHS, measured
from tests.benchmarks.report.figures import Figure, Section, Size, at_most
from tests.browser.page_scenes import many_files
from tests.browser.site import served

RECORDS: Mapping[Size, int] = {Size.SMOKE: 100, Size.USUAL: 20_000, Size.FULL: 20_000}

RUNNING = 230
"""Reads of a look at a running batch; docs/operations.md tells it."""


def section(size: Size) -> Section:
    """Measure all; the browser's pages take 20,000 files, and are left out of a short run."""
    count = RECORDS[size]
    figures = [*_of_lists(count), *_of_command(LINES[:1] if size is Size.SMOKE else LINES)]
    if size is not Size.SMOKE:
        figures += _of_pages()
    return Section("reading", f"Looks at {count:,} files and batches", tuple(figures))


def _of_lists(count: int) -> Iterator[Figure]:
    documents, report, batch_id = filled(count)
    for name, read in lists(report, batch_id).items():
        reads = max(page.reads for page in pages(documents, read))
        note = f"pages of {LIMIT} at most"
        yield Figure(f"{name}: most reads of a page", reads, "", note=note)
    reads = look(documents, report, batch_id).reads
    yield Figure("/batches/{id}, while it runs: reads", reads, "", at_most(RUNNING))


def _of_command(lines: tuple[str, ...]) -> Iterator[Figure]:
    bare = {"python -c pass": cpu_ms("-c", "pass")}
    for line in lines:
        cpu = cpu_ms("-m", "local.fss", *line.split())
        yield Figure(f"fss {line}: CPU", cpu, "ms", None, bare, is_exact=False)


def _of_pages() -> Iterator[Figure]:
    world = many_files()
    with served(world) as site:
        for path in PATHS:
            page = measured(world, site.port, path)
            path = re.sub(r"\.[0-9a-f]{10}\.", ".", path)  # noqa: PLW2901 - the digest changes
            yield Figure(f"{path}: reads", page.reads, "")
            yield Figure(f"{path}: weight", page.size / 1000, "kB")
            first = page.first_byte * 1e3
            yield Figure(f"{path}: first byte", first, "ms", is_exact=False)
