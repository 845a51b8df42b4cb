"""Writes JSON for people and for programs that read line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def json_line(value: object, *, as_text: Callable[[object], str] | None = None) -> str:
    """Return a value as one line of JSON, in which only printable characters stand for themselves.

    What ends a line for some programs (U+2028, U+2029, U+0085), speaks to a terminal or changes the
    direction of text is escaped, and so are lone surrogates, which can't be encoded.

    Args:
        value: The value.
        as_text: Gives the text for a value that JSON doesn't know; without it, that is an error.

    Raises:
        TypeError: JSON doesn't know a value.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=as_text)
    if text.isprintable():
        return text
    return _NOT_ASCII.sub(
        lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text
    )
