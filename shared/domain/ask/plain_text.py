"""Text of a model or a document as plain text, which no viewer makes a link or a picture of.

A document can tell the model what to write. So what it says is shown as it is to a person, and
means nothing to a terminal, a Markdown viewer or a chat window.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

_LAYOUT: Final = frozenset("\n\t")
_UNSHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200c\u200d")  # part of Persian and Indic words, and of emoji

_SCHEME = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*):(?=//)")
_NO_AUTHORITY = re.compile(r"\b(javascript|data|mailto|tel|vbscript|file):(?=\S)", re.IGNORECASE)
_BARE_HOST = re.compile(r"\bwww\.(?=\w)", re.IGNORECASE)
_TARGET = re.compile(r"\](?=[(\[])")
_PICTURE = re.compile(r"!(?=\[)")
_TAG = re.compile(r"<(?=[A-Za-z/!])")


def plain_text(text: str) -> str:
    r"""Return the text without links, pictures and control characters.

    Addresses stay legible: ``https://a.example`` becomes ``https[:]//a.example``. A control
    character or direction mark becomes an escape as Python writes it, such as ``\x1b``; line breaks
    and tabs stay.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(map(_shown, text))
    for pattern, instead in (
        (_SCHEME, r"\1[:]"),
        (_NO_AUTHORITY, r"\1[:]"),
        (_BARE_HOST, "www[.]"),
        (_PICTURE, "! "),
        (_TARGET, "] "),
        (_TAG, "< "),
    ):
        text = pattern.sub(instead, text)
    return text


def value_text(value: str | float | Sequence[str]) -> str:
    """A metadata value as an answer tells it, as text: 2025.0 is 2025, and lists have commas."""
    if isinstance(value, str):
        return value
    return f"{value:.15g}" if isinstance(value, int | float) else ", ".join(value)


def _shown(character: str) -> str:
    if character in _LAYOUT or character in _JOINERS:
        return character
    if unicodedata.category(character) in _UNSHOWN:
        return ascii(character)[1:-1]
    return character
