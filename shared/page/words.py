"""Figures, times and names of files as text that is safe and easy to read on a page."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from markupsafe import Markup, escape

from shared.domain import figures

NONE = "\N{EN DASH}"
"""What stands for a figure that there is not."""

_JOINERS = "\u200c\u200d"
"""Format characters that words of some scripts need, and that change no order."""


def plain(text: object) -> str:
    """The text, with a visible escape for what can't be seen or changes the order of others."""
    return "".join(map(_visible, str(text)))


def _visible(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    if unicodedata.category(character) == "Zs":
        return " "
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004


def name(text: object) -> Markup:
    """A name from outside: isolated, so that its direction does not reach the text around it."""
    return Markup("<bdi>{}</bdi>").format(plain(text))


def moment(value: str | None) -> Markup:
    """A time in UTC; the script shows it in the reader's zone."""
    if not value:
        return escape(NONE)
    at = datetime.fromisoformat(value).astimezone(UTC)
    text = f"{at.day} {at:%b %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", text)


def number(value: float | None) -> str:
    """A count with separators; a dash for None."""
    return NONE if value is None else f"{value:,.10g}"


def money(value: float | None, currency: str = "USD") -> str:
    """An amount of money; a dash for None."""
    if value is None:
        return NONE
    return f"{figures.amount(value)} {currency}".strip()


def duration(seconds: float | None) -> str:
    """A duration in its two largest units; a dash for None."""
    return NONE if seconds is None else figures.duration(seconds)


def words(value: object) -> str:
    """A word of the interface, such as ``completed_with_failures``, as words."""
    return str(value).replace("_", " ")


def lines(text: str) -> Markup:
    """A message; its line ends become breaks."""
    return Markup("<br>").join(escape(plain(line)) for line in text.splitlines())
