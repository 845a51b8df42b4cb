"""What the tests of the page in a browser share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.browser.devtools import Tab, tab
from tests.docs.markdown import ROOT

PICTURES = ROOT / "build" / "pages"
"""Where the pictures of a run are kept."""

WIDTHS = (360, 768, 1600)

AXE = "axe.run(document, {resultTypes: ['violations', 'incomplete']}).then((found) => found.violations.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html).slice(0, 3)}`))"  # fmt: skip # noqa: E501


def visit(browser: str, profile: Path, look: Callable[[Tab], Awaitable[None]]) -> None:
    """Look at pages in a browser of their own."""

    async def visited() -> None:
        async with tab(browser, profile) as opened:
            await look(opened)

    PICTURES.mkdir(parents=True, exist_ok=True)
    asyncio.run(visited())


async def check(page: Tab, origin: str, axe: str) -> None:
    """What holds for every page: it fits, it is accessible, and it asks nobody else."""
    size = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert size[0] <= size[1], "it has to be scrolled sideways"
    await page.evaluate(axe + "; 0")
    assert await page.evaluate(AXE) == []
    assert page.complaints == []
    assert all(each.startswith((f"{origin}/", "data:")) for each in page.requests), page.requests
