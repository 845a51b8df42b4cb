"""The commands that README and docs show: where each stands, and the output shown with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.docs.markdown import ROOT, Page

PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))

_PROMPT = "$ "

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

LANGUAGES = {"hcl", "javascript", "json", "mermaid", "python", "toml"}
"""Languages of fenced blocks that are no commands."""

_INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?:(?: {4}.*)?\n)+")


@dataclass(frozen=True, slots=True)
class Shown:
    """A command that a page shows.

    Attributes:
        page: The page.
        line: The command, as a person would paste it into a shell.
        output: The lines that are shown as its output; none if none is shown.
    """

    page: str
    line: str
    output: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """An indented block of a page, or a fenced one with its language."""

    language: str
    text: str
    at: int


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    whole = Page.read(page).whole
    fenced = [Block(each[1] or "none", each[2], each.start()) for each in _FENCE.finditer(whole)]
    # What a fence holds may be indented, and is no block of its own.
    bare = _FENCE.sub(lambda each: "x" + re.sub(r"[^\n]", " ", each[0])[1:], whole)
    indented = [
        Block("", "".join(re.findall(r"^ {4}(.*\n)", each[0], re.MULTILINE)), each.start())
        for each in _INDENTED.finditer(bare)
        if each[0].strip()
    ]
    return sorted([*fenced, *indented], key=lambda each: each.at)


def shown(page: str, others: tuple[str, ...]) -> Iterator[Shown]:
    """Yield the commands of a page.

    Args:
        page: The page.
        others: Beginnings of indented blocks that are no commands.
    """
    latest: Shown | None = None
    for block in blocks(page):
        if block.language in LANGUAGES:
            latest = None
        elif block.language == "text" and not block.text.startswith(_PROMPT):
            if latest is not None:  # the output of the command above it
                yield replace(latest, output=tuple(block.text.splitlines()))
            latest = None
        elif block.language or not block.text.startswith(others):
            if latest is not None:
                yield latest
                latest = None
            *done, latest = _commands(page, block)
            yield from done
    if latest is not None:
        yield latest


def _commands(page: str, block: Block) -> list[Shown]:
    if block.language == "text":  # a terminal, with prompts
        parts = re.split(rf"^{re.escape(_PROMPT)}", block.text, flags=re.MULTILINE)[1:]
        split = [part.splitlines() for part in parts]
        return [Shown(page, line, tuple(output)) for line, *output in split]
    lines = block.text.replace("\\\n", " ").splitlines()
    return [
        Shown(page, " ".join(command.split()))
        for line in lines
        if line.strip()
        for command in re.split(r"\s{3,}(?=fss )", line)  # a table of names
    ]
