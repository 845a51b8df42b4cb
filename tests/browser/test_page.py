"""The page in a real browser, in every state, width and colour scheme.

The pictures of the run are kept in ``build/pages``.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from shared.domain.batch.batch import Batch
from shared.domain.batch.kinds import BatchPhase, BatchStatus
from shared.domain.batch.left import Left
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import batch_path, file_path
from shared.gateways.ports import Put
from shared.http.pages import IDLE, RUNNING
from tests.browser.devtools import Tab
from tests.browser.hostile_names import HOSTILE
from tests.browser.looks import PICTURES, WIDTHS, check, visit
from tests.browser.page_scenes import JOURNEY, SCENES, in_step, journey, running
from tests.browser.site import served
from tests.world import World

pytestmark = pytest.mark.browser

HOUR = timedelta(hours=1)
MOST_READS = 600


@pytest.mark.parametrize("name", SCENES)
def test_every_state_is_shown_well(browser: str, axe: str, name: str, tmp_path: Path) -> None:
    with served(SCENES[name]()) as site:

        async def look(page: Tab) -> None:
            for width in WIDTHS:
                for dark in (False, True):
                    await page.look_like(width, dark=dark)
                    await page.open(site.url)
                    await check(page, site.url, axe)
                    shade = "dark" if dark else "light"
                    await page.screenshot(PICTURES / f"{name}, {width}, {shade}.png")

        visit(browser, tmp_path, look)


@pytest.mark.parametrize("name", ["failures", "20000 files", "hostile names", "empty"])
def test_the_other_pages_are_shown_well(browser: str, axe: str, name: str, tmp_path: Path) -> None:
    world = SCENES[name]()
    files = [each.path for each in world.files()]
    paths = [f"/lists/{which}" for which in ("failed", "skipped", "waiting")]
    paths += ["/lists/failed?text=503&kind=exhausted", "/lists/skipped?text=no+such+name"]
    paths += [f"/files?path={quote(path, safe='')}" for path in [*HOSTILE, *files][:9]]
    with served(world) as site:

        async def look(page: Tab) -> None:
            for width, dark in ((360, False), (1600, True)):
                await page.look_like(width, dark=dark)
                for number, path in enumerate(paths):
                    await page.open(site.url + path)
                    page.complaints = [each for each in page.complaints if "404" not in each]
                    await check(page, site.url, axe)
                    assert await page.evaluate("document.querySelector('bdi, h1') !== null")
                    await page.screenshot(PICTURES / f"{name}, page {number}, {width}.png")

        visit(browser, tmp_path, look)


def test_a_files_journey_is_shown_well(browser: str, axe: str, tmp_path: Path) -> None:
    with served(journey()) as site:

        async def look(page: Tab) -> None:
            await page.look_like(768)
            await page.open(f"{site.url}/files?path={quote(JOURNEY, safe='')}")
            await check(page, site.url, axe)
            await page.screenshot(PICTURES / "journey.png")

        visit(browser, tmp_path, look)


def test_the_page_works_without_its_script(browser: str, tmp_path: Path) -> None:
    with served(SCENES["failures"]()) as site:

        async def look(page: Tab) -> None:
            for path, told in (
                ("/", "In step, except for 4 files that failed"),
                ("/", "31 Dec 2025, 23:00 UTC"),
                ("/lists/failed?prefix=manuals", "pump x-200/wiring.pdf"),
                ("/lists/failed?text=WIRING&prefix=&kind=", "pump x-200/wiring.pdf"),
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
            failed = FileRecord(path="minutes.md", status=FileStatus.FAILED)
            world.documents.commit([Put(file_path(failed.path), to_fields(failed))])
            await page.advance(2 * RUNNING.total_seconds())
            text = await page.evaluate("document.body.innerText")
            assert "818 of 2,096 files" not in text
            assert "under way" not in text
            assert "In step, except for 3 files that failed" in text
            assert "minutes.md" in text
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
            await page.evaluate("localStorage.clear(); sessionStorage.clear()")
            await page.evaluate("localStorage.setItem('last look', '2025-01-01T00:00:00Z')")
            await page.open(site.url)
            told = await page.evaluate("document.getElementById('since').innerText")
            assert ": at least 30 syncs, " in told, "the page knows no others"

        visit(browser, tmp_path, look)


def test_times_are_in_the_readers_zone(browser: str, tmp_path: Path) -> None:
    with served(in_step()) as site:

        async def look(page: Tab) -> None:
            await page.send("Emulation.setTimezoneOverride", timezoneId="Asia/Tokyo")
            await page.open(site.url)
            text = await page.evaluate("document.body.innerText")
            # It is 23:48 the day before in UTC. The year is left out while it lasts.
            assert re.search(r"last checked Jan 1,( 2026,)? 8:48", text)
            assert "Times are in Asia/Tokyo" in text

        visit(browser, tmp_path, look)


def test_the_first_tab_leads_past_the_header(browser: str, tmp_path: Path) -> None:
    with served(in_step()) as site:

        async def look(page: Tab) -> None:
            await page.open(site.url)
            await page.press("Tab")
            assert await page.evaluate("document.activeElement.getAttribute('href')") == "#main"

        visit(browser, tmp_path, look)
