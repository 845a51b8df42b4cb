"""The pages hold together: links lead somewhere, and commands exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.fss_command import options_of_commands
from tests.docs.markdown import ROOT, Page, code

PAGES = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
]
COMMAND_PAGES = [name for name in PAGES if name != "CHANGELOG.md"]


@pytest.mark.parametrize("name", PAGES)
def test_every_relative_link_leads_to_a_file_and_a_heading(name: str) -> None:
    page = Page.read(name)
    broken = []
    for link in page.links():
        if re.match(r"https?://", link):
            continue
        target, _, anchor = link.partition("#")
        file = (page.path.parent / target).resolve() if target else page.path
        if not file.exists():
            broken.append(f"{link}: no such file")
        elif anchor and anchor not in Page.read(str(file.relative_to(ROOT))).anchors():
            broken.append(f"{link}: no such heading")
    assert broken == []


@pytest.mark.parametrize("name", COMMAND_PAGES)
def test_every_make_target_that_is_named_exists(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    named = re.findall(r"(?:`|^    )make ([a-z-]+)", Page.read(name).whole, re.MULTILINE)
    assert set(named) <= targets


def test_the_readme_shows_how_to_see_it_and_how_to_test_it() -> None:
    named = re.findall(r"^    make ([a-z-]+)$", Page.read("README.md").text, re.MULTILINE)
    assert {"demo", "test"} <= set(named)


@pytest.mark.parametrize("name", COMMAND_PAGES)
def test_every_fss_command_that_is_shown_exists_with_its_options(name: str) -> None:
    commands = options_of_commands()
    for line in _fss_lines(Page.read(name)):
        verbs, *options = re.split(r" (?=--)", line)
        for verb in verbs.split(", "):  # "pause, resume, cancel" is three
            command = verb.split()[0]
            assert command == "COMMAND" or command in commands, line
            given = {option.split()[0] for option in options} - {"--help"}
            assert given <= commands.get(command, set()), line


def _fss_lines(page: Page) -> list[str]:
    """What follows ``fss`` wherever it is shown as code."""
    blocks = re.findall(r"^    (\S.*)$", page.text, re.MULTILINE)
    shown = code(page.text) + [part for line in blocks for part in re.split(r"\s{2,}", line)]
    texts = [text.removeprefix(".venv/bin/") for text in shown]
    return [text.removeprefix("fss ") for text in texts if text.startswith("fss ")]


def test_no_page_has_a_place_that_was_to_be_filled() -> None:
    """Not those of the changelog, which may tell of one."""
    assert [
        name for name in COMMAND_PAGES if re.search(r"@@|TODO|FIXME", Page.read(name).whole)
    ] == []


def test_the_pages_name_no_path_of_one_machine() -> None:
    for name in PAGES:
        assert re.findall(r"(?:^|[\s`(])/(?:work|root|home|tmp)\b", Page.read(name).whole) == []
