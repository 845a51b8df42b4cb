"""The pages of every scene: what they read, what they weigh, and that names stay names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.domain.batch.batch import Batch, BatchPhase
from shared.domain.file.record import FileStatus
from shared.gateways.database.records import batch_path
from shared.http.pages import FAILURES, IDLE, ROWS, RUNNING, Pages, asset
from shared.http.requests import FileQuery, ListQuery
from shared.page.rendering import assets
from shared.services.report.file_lists import FileList
from shared.services.report.overview import RUNS, WINDOW
from tests.browser.page_scenes import HOSTILE, JOURNEY, SCENES, journey, many_files, running
from tests.services.story import begun
from tests.world import World

if TYPE_CHECKING:
    from flask import Response

HOUR = timedelta(hours=1)
RELOADS = 3
"""Loads of the page without its window, in an hour; the script's number."""

MOST_READS = 600
MOST_BYTES = 60_000


@cache
def scene(name: str) -> World:
    """The scene's world, which no test here changes."""
    return SCENES[name]()


def reads(world: World, page: Callable[[], Response]) -> int:
    before = world.documents.reads
    assert page().status_code in (200, 404)
    return world.documents.reads - before


class Parsed(HTMLParser):
    """The elements of a page."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(response.get_data(as_text=True))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def every_page(world: World) -> list[Response]:
    shown = Pages(world.report, 1.0)
    names = [each.path for each in world.files()][:10]
    return [
        shown.overview(),
        shown.latest(),
        shown.live(),
        *(shown.file_list(ListQuery(), which) for which in FileList),
        *(shown.file(FileQuery(path=name)) for name in [*names, "no such file"]),
    ]


@pytest.mark.parametrize("name", SCENES)
def test_an_open_page_reads_at_most_600_documents_an_hour(name: str) -> None:
    world = scene(name)
    shown = Pages(world.report, 1.0)

    looks = HOUR / RUNNING * reads(world, shown.live)
    total = reads(world, shown.overview) + looks + RELOADS * reads(world, shown.latest)

    assert total <= MOST_READS
    assert RUNNING <= IDLE


def test_a_look_during_a_scan_reads_one_document_more() -> None:
    world = World()
    world.put({f"{number}.md": "x" for number in range(3)})
    shown = Pages(world.report, 1.0)
    batch = begun(world)
    while phase_of(world, batch) is not BatchPhase.SCANNING:
        world.step()

    live = reads(world, shown.live)

    # A query without a result is billed as one read; the twin counts results.
    assert live in (3, 4)
    load = RUNS + WINDOW + FAILURES + len(("deployment", "breaker", "hold"))
    assert HOUR / RUNNING * 4 + load + RELOADS * (load - WINDOW) <= MOST_READS


def phase_of(world: World, batch: Batch) -> BatchPhase:
    return world.records.get(Batch, batch_path(batch.batch_id)).present.phase


@pytest.mark.parametrize("name", SCENES)
def test_a_page_weighs_less_than_60_kb_with_its_style_and_script(name: str) -> None:
    fixed = sum(len(file.read_bytes()) for file in assets().values())
    for page in every_page(scene(name)):
        assert len(page.get_data()) + fixed < MOST_BYTES


def test_a_page_of_a_list_of_20000_reads_its_files_only() -> None:
    world = scene("20000 files")
    shown = Pages(world.report, 1.0)
    for which in FileList:
        for query in (ListQuery(), ListQuery(prefix="shelf 070/")):
            assert reads(world, partial(shown.file_list, query, which)) == ROWS


def test_a_list_is_paged_in_order_of_the_paths_and_filtered_by_their_beginning() -> None:
    world = many_files(400)
    seen: list[str] = []
    token = ""
    while True:
        page = world.report.lists(FileList.FAILED, "shelf 000/", token, 20)
        seen += [row["path"] for row in page["files"]]
        token = page["next_page_token"]
        if not token:
            break
    failed = {each.path for each in world.files() if each.status is FileStatus.FAILED}
    wanted = [path for path in failed if path.startswith("shelf 000/")]
    assert seen == sorted(wanted)
    assert len(seen) > 60


@pytest.mark.parametrize("name", SCENES)
def test_no_page_has_anything_that_its_policy_forbids(name: str) -> None:
    for page in every_page(scene(name)):
        for tag, attributes in Parsed(page).elements:
            assert tag not in ("style", "iframe", "object", "embed", "base", "img")
            assert not any(key.startswith("on") or key == "style" for key in attributes)
            for key in ("href", "src", "action"):
                address = attributes.get(key) or ""
                assert address.startswith(("/", "#", "data:,")) or not address, (tag, address)
                assert not address.startswith("//")
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy


def test_hostile_names_make_no_elements() -> None:
    world = scene("hostile names")
    usual = {tag for page in every_page(scene("failures")) for tag, _ in Parsed(page).elements}
    for page in every_page(world):
        parsed = Parsed(page)
        assert {tag for tag, _ in parsed.elements} <= usual | {"ol", "li", "br"}
        scripts = [each for tag, each in parsed.elements if tag == "script"]
        assert all(each.get("src", "").startswith("/assets/") for each in scripts)  # type: ignore[union-attr]
        text = page.get_data(as_text=True)
        assert "<script>alert" not in text
        assert "49" not in text.split(), "a name is no template"
        for odd in "\u202e\x1b\x00\u2028\ufeff":
            assert odd not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_leads_to_its_file(name: str) -> None:
    world = scene("hostile names")
    shown = Pages(world.report, 1.0).file_list(ListQuery(), FileList.FAILED)
    links = [each.get("href") or "" for tag, each in Parsed(shown).elements if tag == "a"]
    asked = [parse_qs(urlsplit(link).query).get("path") for link in links]
    assert [name] in asked


def test_a_files_journey_has_its_imports_their_times_and_costs() -> None:
    text = Pages(journey().report, 1.0).file(FileQuery(path=JOURNEY)).get_data(as_text=True)
    for told in (
        "In the store",
        "Document verified",
        "Import failed",
        "500 INTERNAL",
        "0.0019 USD",
        "about 12,400 tokens",
    ):
        assert told in text
    assert text.index("Document verified") < text.index("Import failed"), "the latest comes first"


def test_a_file_that_nobody_knows_is_a_404() -> None:
    page = Pages(World().report, 1.0).file(FileQuery(path="nothing"))
    assert page.status_code == 404
    assert "The records know no file of this name." in page.get_data(as_text=True)


def test_the_figures_of_a_running_sync_are_those_of_its_record() -> None:
    text = Pages(running().report, 1.0).live().get_data(as_text=True)
    assert "A sync is under way, with 1,278 files to go" in text
    for told in ("818</strong> of 2,096", "1,240", "4.87 USD", "189.1", "of 200"):
        assert told in text


def test_assets_have_names_that_change_with_them() -> None:
    for name in assets():
        found = asset(name)
        assert found is not None
        assert "immutable" in found.headers["Cache-Control"]
    assert asset("page.0000000000.css") is None
    assert asset("../rendering.py") is None


def test_a_short_time_scale_looks_more_often_and_not_too_often() -> None:
    world = running()
    assert 'data-seconds="4.5"' in Pages(world.report, 10.0).live().get_data(as_text=True)
    assert 'data-seconds="2.0"' in Pages(world.report, 100.0).live().get_data(as_text=True)
