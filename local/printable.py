r"""Makes text of other origin safe to print: names of files, and what a deployment says.

Control characters speak to the terminal, direction marks reorder what a person reads, and lone
surrogates can't be encoded. Each becomes an escape sequence as Python writes it, such as ``\x1b``.
"""

from __future__ import annotations

import re
from typing import Any

_BETWEEN_LINES = re.compile(r"([\n\t])")


def printable(text: str) -> str:
    """Return the text as one line, with characters that can't be printed escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def printable_lines(text: str) -> str:
    """Return the text with its line ends and tabs, and other such characters escaped."""
    parts = _BETWEEN_LINES.split(text)
    return "".join(part if part in {"\n", "\t"} else printable(part) for part in parts)


def printable_values(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return a JSON value in which every text, also of the names of fields, is printable."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {printable_values(name): printable_values(item) for name, item in value.items()}
        case list() | tuple():
            return [printable_values(item) for item in value]
        case _:
            return value
