"""The page in a real browser, in every state, width and colour scheme.

The pictures of the run are kept in ``build/pages``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from shared.domain.batch.batch import Batch
from shared.domain.batch.kinds import BatchPhase, BatchStatus
from shared.domain.batch.left import Left
from shared.gateways.database.records import batch_path
from shared.http.pages import IDLE, RUNNING
from tests.browser.chromium import chromium
from tests.browser.devtools import Tab, tab
from tests.browser.page_scenes import HOSTILE, JOURNEY, SCENES, in_step, journey, running
from tests.browser.site import Site, served
from tests.docs.markdown import ROOT
from tests.npm_packages import node_modules
from tests.world import World

pytestmark = pytest.mark.browser

PICTURES = ROOT / "build" / "pages"
WIDTHS = (360, 768, 1600)
HOUR = timedelta(hours=1)
MOST_READS = 600

AXE = "axe.run(document, {resultTypes: ['violations', 'incomplete']}).then((found) => found.violations.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html).slice(0, 3)}`))"  # fmt: skip # noqa: E501


@pytest.fixture(scope="session")
def browser() -> str:
    return chromium()


@pytest.fixture(scope="session")
def axe() -> str:
    return (node_modules(Path(__file__).with_name("axe")) / "axe-core" / "axe.min.js").read_text()


def visit(browser: str, profile: Path, look: Callable[[Tab], Awaitable[None]]) -> None:
    """Look at pages in a browser of their own."""

    async def visited() -> None:
        async with tab(browser, profile) as opened:
            await look(opened)

    asyncio.run(visited())


async def check(page: Tab, site: Site, axe: str) -> None:
    """What holds for every page: it fits, it is accessible, and it asks nobody else."""
    size = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert size[0] <= size[1], "it has to be scrolled sideways"
    await page.evaluate(axe + "; 0")
    assert await page.evaluate(AXE) == []
    assert page.complaints == []
    assert all(each.startswith((site.url, "data:")) for each in page.requests), page.requests


@pytest.mark.parametrize("name", SCENES)
def test_every_state_is_shown_well(browser: str, axe: str, name: str, tmp_path: Path) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with served(SCENES[name]()) as site:

        async def look(page: Tab) -> None:
            for width in WIDTHS:
                for dark in (False, True):
                    await page.look_like(width, dark=dark)
                    await page.open(site.url)
                    await check(page, site, axe)
                    shade = "dark" if dark else "light"
                    await page.screenshot(PICTURES / f"{name}, {width}, {shade}.png")

        visit(browser, tmp_path, look)


@pytest.mark.parametrize("name", ["failures", "20000 files", "hostile names", "empty"])
def test_the_other_pages_are_shown_well(browser: str, axe: str, name: str, tmp_path: Path) -> None:
    world = SCENES[name]()
    files = [each.path for each in world.files()]
    paths = [f"/lists/{which}" for which in ("failed", "skipped", "waiting")]
    paths += [f"/files?path={quote(path, safe='')}" for path in [*HOSTILE, *files][:9]]
    with served(world) as site:

        async def look(page: Tab) -> None:
            for width, dark in ((360, False), (1600, True)):
                await page.look_like(width, dark=dark)
                for number, path in enumerate(paths):
                    await page.open(site.url + path)
                    page.complaints = [each for each in page.complaints if "404" not in each]
                    await check(page, site, axe)
                    assert await page.evaluate("document.querySelector('bdi, h1') !== null")
                    await page.screenshot(PICTURES / f"{name}, page {number}, {width}.png")

        visit(browser, tmp_path, look)


def test_a_files_journey_is_shown_well(browser: str, axe: str, tmp_path: Path) -> None:
    with served(journey()) as site:

        async def look(page: Tab) -> None:
            await page.look_like(768)
            await page.open(f"{site.url}/files?path={quote(JOURNEY, safe='')}")
            await check(page, site, axe)
            await page.screenshot(PICTURES / "journey.png")

        visit(browser, tmp_path, look)


def test_the_page_works_without_its_script(browser: str, tmp_path: Path) -> None:
    with served(SCENES["failures"]()) as site:

        async def look(page: Tab) -> None:
            for path, told in (
                ("/", "In step, except for 4 files that failed"),
                ("/", "31 Dec 2025, 23:00 UTC"),
                ("/lists/failed?prefix=manuals", "pump x-200/wiring.pdf"),
                ("/files?path=minutes/2025-11-03.md", "key 17 is too long"),
            ):
                await page.look_like(768, script=False)
                await page.open(site.url + path)
                await page.send("Emulation.setScriptExecutionDisabled", value=False)
                assert told in await page.evaluate("document.body.innerText")

        visit(browser, tmp_path, look)


def test_an_open_page_reads_at_most_600_documents_an_hour(browser: str, tmp_path: Path) -> None:
    world = running()
    with served(world) as site:

        async def look(page: Tab) -> None:
            await page.open(site.url)
            await page.advance(HOUR.total_seconds())

        reads = world.documents.reads
        visit(browser, tmp_path, look)
        looks = site.asked.count("/page/live")
        assert abs(looks - HOUR / RUNNING) <= 3
        assert world.documents.reads - reads <= MOST_READS
        assert site.asked.count("/page/latest") == 0, "nothing has ended"


def test_a_hidden_page_does_not_look(browser: str, tmp_path: Path) -> None:
    with served(in_step()) as site:

        async def look(page: Tab) -> None:
            await page.send(
                "Page.addScriptToEvaluateOnNewDocument",
                source="Object.defineProperty(document, 'hidden', {get: () => window.away ?? 1})",
            )
            await page.open(site.url)
            await page.advance(HOUR.total_seconds())
            assert site.asked.count("/page/live") == 0
            await page.evaluate("window.away = false")
            await page.advance(3)
            assert site.asked.count("/page/live") == 1, "it looks as soon as it is seen again"
            await page.advance(10 * IDLE.total_seconds())
            assert 9 <= site.asked.count("/page/live") <= 11

        visit(browser, tmp_path, look)


def test_the_page_shows_the_end_of_a_sync_by_itself(browser: str, tmp_path: Path) -> None:
    world = running()
    (batch,) = (each for each in world.report.batches(1))
    path = batch_path(batch["batch_id"])
    with served(world) as site:

        async def look(page: Tab) -> None:
            await page.open(site.url)
            text = await page.evaluate("document.body.innerText")
            assert "818 of 2,096 files" in text
            assert "A sync is under way, with 1,278 files to go" in text
            await page.evaluate("document.getElementById('numbers').open = true")
            world.records.change(Batch, path, lambda each: ended(each.present, world))
            await page.advance(2 * RUNNING.total_seconds())
            text = await page.evaluate("document.body.innerText")
            assert "818 of 2,096 files" not in text
            assert "under way" not in text
            assert "In step, except for 3 files that failed" in text
            said = await page.evaluate("document.getElementById('said').textContent")
            assert said == "In step, except for 3 files that failed"
            assert await page.evaluate("document.getElementById('numbers').open")
            assert site.asked.count("/page/latest") == 1

        visit(browser, tmp_path, look)


def ended(batch: Batch, world: World) -> Batch:
    return replace(
        batch,
        status=BatchStatus.COMPLETED_WITH_FAILURES,
        phase=BatchPhase.CLOSED,
        counts={"scanned": 18_240, "indexed": 2_090, "deleted": 6, "failed": 3},
        left=Left(),
        completed_at=world.clock.now(),
    )


def test_the_page_says_what_changed_since_the_last_look(browser: str, tmp_path: Path) -> None:
    with served(in_step()) as site:

        async def look(page: Tab) -> None:
            await page.open(site.url)
            assert await page.evaluate("document.getElementById('since').hidden")
            earlier = json.dumps("2025-12-31T20:00:00Z")
            await page.evaluate(
                f"localStorage.setItem('last look', {earlier}); sessionStorage.clear()"
            )
            await page.open(site.url)
            told = await page.evaluate("document.getElementById('since').innerText")
            assert told.startswith("Since your last look, ")
            assert ": 4 syncs, " in told

        visit(browser, tmp_path, look)


def test_the_first_tab_leads_past_the_header(browser: str, tmp_path: Path) -> None:
    with served(in_step()) as site:

        async def look(page: Tab) -> None:
            await page.open(site.url)
            for kind in ("keyDown", "keyUp"):
                await page.send(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key="Tab",
                    code="Tab",
                    windowsVirtualKeyCode=9,
                )
            assert await page.evaluate("document.activeElement.getAttribute('href')") == "#main"

        visit(browser, tmp_path, look)
