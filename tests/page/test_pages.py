"""The pages of every scene: what they read, what they weigh, and that names stay names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.domain.batch.batch import Batch, BatchPhase
from shared.domain.errors import InvalidRequest
from shared.domain.file.record import Desired, FileRecord, FileStatus
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import batch_path, file_path
from shared.gateways.ports import Put
from shared.http.pages import FAILURES, IDLE, ROWS, RUNNING, Pages, asset
from shared.http.requests import FileQuery, ListQuery
from shared.page.rendering import assets
from shared.services.report.file_lists import KINDS, MOST_SEARCHED, FileList, Wanted
from shared.services.report.overview import RUNS, WINDOW
from tests.browser.hostile_names import HOSTILE
from tests.browser.page_scenes import JOURNEY, SCENES, journey, many_files, running
from tests.services.story import begun
from tests.world import World

if TYPE_CHECKING:
    from flask import Response

HOUR = timedelta(hours=1)
RELOADS = 3
"""Loads of the page without its window, in an hour; the script's number."""

LOAD = RUNS + 3 * WINDOW + FAILURES + len(("deployment", "breaker"))
"""Documents that the whole page reads at most; 222 in docs/operations.md."""

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
    assert reads(world, shown.overview) <= LOAD
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
    assert live in (2, 3)
    assert HOUR / RUNNING * 3 + LOAD + RELOADS * (LOAD - 3 * WINDOW) <= MOST_READS


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
            counts = len(KINDS[which])
            now = 3 if which is FileList.WAITING else 0  # what they wait for
            # A count reads one entry of an index for each thousand.
            assert reads(world, partial(shown.file_list, query, which)) <= ROWS + counts + now


def test_a_list_is_paged_in_order_of_the_paths_and_filtered_by_their_beginning() -> None:
    world = many_files(400)
    seen: list[str] = []
    token = ""
    while True:
        page = world.report.lists(FileList.FAILED, Wanted("shelf 000/"), token, 20)
        seen += [row["path"] for row in page["files"]]
        token = page["next_page_token"]
        if not token:
            break
    failed = {each.path for each in world.files() if each.status is FileStatus.FAILED}
    wanted = [path for path in failed if path.startswith("shelf 000/")]
    assert seen == sorted(wanted)
    assert len(seen) > 60


def all_of(world: World, which: FileList, wanted: Wanted, limit: int) -> list[dict[str, Any]]:
    """The pages of a list."""
    pages = [world.report.lists(which, wanted, "", limit)]
    while token := pages[-1]["next_page_token"]:
        pages.append(world.report.lists(which, wanted, token, limit))
    return pages


def paths_in(pages: list[dict[str, Any]]) -> list[str]:
    return [row["path"] for page in pages for row in page["files"]]


@pytest.mark.parametrize(
    ("text", "matching"),
    [("REPORT", 2200), ("name 00000", 4), ("7.pdf", 220), ("nowhere", 0)],
)
def test_a_text_is_found_anywhere_in_a_path_and_each_page_looks_at_few_files(
    text: str, matching: int
) -> None:
    world = many_files(4_400)  # so that 2,200 wait
    waiting = sorted(each.path for each in world.files() if each.status is FileStatus.PENDING)
    before = world.documents.reads

    pages = all_of(world, FileList.WAITING, Wanted(text=text), 25)

    found = paths_in(pages)
    assert found == [path for path in waiting if text.lower() in path]
    assert len(found) == matching
    assert sum(page["searched"] for page in pages) == len(waiting)
    most = MOST_SEARCHED + len(KINDS[FileList.WAITING]) + 3
    assert world.documents.reads - before <= most * len(pages)
    assert max(len(page["files"]) for page in pages) <= 25


def test_a_text_is_found_in_the_reason_and_in_any_form_of_a_name() -> None:
    world = scene("failures")
    found = all_of(world, FileList.FAILED, Wanted(text="Encrypted"), 25)
    assert paths_in(found) == ["contracts/2026/master services agreement (signed).pdf"]
    skipped = all_of(world, FileList.SKIPPED, Wanted(text="unsupported type"), 25)
    assert len(paths_in(skipped)) == 12
    named = scene("hostile names")
    assert paths_in(all_of(named, FileList.FAILED, Wanted(text="NA\u00cfVE"), 25)) == [HOSTILE[-1]]


def test_a_list_has_files_of_one_kind_and_counts_each() -> None:
    world = scene("failures")
    failed = all_of(world, FileList.FAILED, Wanted(kind="exhausted"), 25)
    assert paths_in(failed) == ["contracts/2026/annex b.docx"]
    assert failed[0]["kinds"] == {"permanent": 3, "exhausted": 1}
    assert failed[0]["searched"] == 1
    below = Wanted("photos/", "unsupported_type", "site 03")
    assert paths_in(all_of(world, FileList.SKIPPED, below, 25)) == ["photos/site 03.heic"]
    assert all_of(world, FileList.SKIPPED, Wanted("nothing/"), 25)[0]["kinds"] == {}
    pending = all_of(many_files(4_400), FileList.WAITING, Wanted(kind="pending"), 500)
    assert len(paths_in(pending)) == 2_200
    assert pending[0]["kinds"] == {"pending": 1000}, "and not one read for each thousand files"
    for which in FileList:
        with pytest.raises(InvalidRequest, match="kind: must be one of"):
            world.report.lists(which, Wanted(kind="indexed"), "", 25)


def test_a_page_of_a_list_leads_to_the_next_with_the_same_filter() -> None:
    query = ListQuery(prefix="shelf 0", kind="permanent", text='a/b&"c', page_token="")
    world = scene("20000 files")
    shown = Pages(world.report, 1.0).file_list(query, FileList.FAILED)
    assert "Looked at 500 files; there are more." in shown.get_data(as_text=True)
    (link,) = [
        each["href"] or "" for _, each in Parsed(shown).elements if each.get("rel") == "next"
    ]
    given = {name: values[-1] for name, values in parse_qs(urlsplit(link).query).items()}
    following = ListQuery(**given)
    assert following.page_token
    assert following.model_copy(update={"page_token": ""}) == query
    assert Pages(world.report, 1.0).file_list(following, FileList.FAILED).status_code == 200


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("on hold", "Today&#39;s quota is used up."),
        ("running", "A sync is under way: their turn comes."),
        ("20000 files", "The budget is used up."),
    ],
)
def test_the_waiting_files_say_what_they_wait_for(name: str, told: str) -> None:
    world = SCENES[name]()
    waiting = FileRecord(path="a.md", status=FileStatus.PENDING, desired=Desired(key="k"))
    world.documents.commit([Put(file_path("a.md"), to_fields(waiting))])
    text = Pages(world.report, 1.0).file_list(ListQuery(), FileList.WAITING).get_data(as_text=True)
    assert told in text
    assert "It is to be uploaded. Nothing: its turn comes by itself." in text


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
