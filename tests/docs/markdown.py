"""What the tests read out of a page: its headings, links, code and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")
_CELL = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Page:
    """One page in Markdown. Fenced blocks are left out, except by `whole`."""

    path: Path
    whole: str

    @classmethod
    def read(cls, name: str) -> Page:
        path = ROOT / name
        return cls(path, path.read_text(encoding="utf-8"))

    @property
    def text(self) -> str:
        return _FENCE.sub("", self.whole)

    def anchors(self) -> set[str]:
        """The targets of links to this page's headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.+)$", self.text, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def links(self) -> list[str]:
        return _LINK.findall(self.text)

    def table(self, heading: str) -> list[list[str]]:
        """The rows of the first table under a heading, without its own heading row."""
        _, found, rest = self.text.partition(f"\n{'#' * heading.count('#')}{heading.lstrip('#')}\n")
        assert found, f"{self.path.name} has no heading {heading!r}"
        rows: list[list[str]] = []
        for line in rest.splitlines():
            if line.startswith("|"):
                rows.append([cell.strip() for cell in _CELL.split(line)[1:-1]])
            elif rows or line.startswith("#"):
                break
        assert len(rows) > 2, f"{self.path.name} has no table under {heading!r}"
        return rows[2:]


def code(cell: str) -> list[str]:
    """What a cell shows as code."""
    return _CODE.findall(cell)


def first_codes(rows: list[list[str]]) -> list[str]:
    """What each row is about."""
    return [name for row in rows for name in code(row[0])]
