"""One metadata value: converts what a source holds to what the service accepts."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from enum import StrEnum
from typing import Final

from shared.domain.metadata.path_template import FieldKind

MAX_VALUE_LENGTH: Final = 256
"""Most characters of a string value. Reported by users; Google documents no limit."""

MAX_LIST_VALUES: Final = 100
"""Most strings in a list value. Our own choice; Google documents no limit."""

MAX_EXACT_INTEGER: Final = 2**53
"""The service takes numbers as doubles, which are exact for integers up to this one."""

Value = str | float | tuple[str, ...]

_ZERO_WIDTH_JOINER = "\u200d"
_LONGEST_CLUSTER = 16
"""Most code points kept together as one character. Our own choice: emoji of families and flags have
up to seven."""


class ValueKind(StrEnum):
    """The field of the API's CustomMetadata that carries a value."""

    STRING = "string_value"
    NUMERIC = "numeric_value"
    STRING_LIST = "string_list_value"

    @classmethod
    def of(cls, value: Value) -> ValueKind:
        """The API field for `value`."""
        if isinstance(value, str):
            return cls.STRING
        return cls.STRING_LIST if isinstance(value, tuple) else cls.NUMERIC


def read_value(raw: object, kind: FieldKind | None, label: str, reports: list[str]) -> Value | None:
    """The value to send for `raw`; None if nothing is to be sent.

    Args:
        raw: Anything that JSON can hold.
        kind: The declared kind of the field, which holds for each value of a list; None if it isn't
            declared.
        label: Names the field in a report.
        reports: Receives one sentence for each thing that is changed or left out.
    """
    if isinstance(raw, list):
        return _list_value(raw, kind, label, reports)
    number = _number(raw, kind)
    if number is not None:
        return number
    text = _text(raw, label, reports)
    if not text or kind in {None, FieldKind.STR, FieldKind.PATH}:
        return text or None
    typed = _typed(text, kind, label, reports)
    return typed if isinstance(typed, str) else float(typed)


def path_value(path: str) -> str:
    """The value of the entry ``path``, by which a filter finds a document.

    This is the name itself if it fits. A name of more than 256 characters, with leading white space
    or with a lone surrogate becomes the first 32 hex digits of its SHA-256, ``…/``, and as much of
    the name's end as fits. So the value is unique, and people still recognise the file.
    """
    if len(path) <= MAX_VALUE_LENGTH and path == _encodable(path).lstrip():
        return path
    head = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:32] + "…/"
    tail = _encodable(path)[-(MAX_VALUE_LENGTH - len(head)) :]
    while tail and _joins_previous(tail[0]):
        tail = tail[1:]
    return head + tail.lstrip()


def _number(raw: object, kind: FieldKind | None) -> float | None:
    """A JSON number as the service takes it; None for what is sent as text, or not at all."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    is_exact = isinstance(raw, int) and abs(raw) <= MAX_EXACT_INTEGER
    match kind:
        case None | FieldKind.FLOAT:
            fits = is_exact or (isinstance(raw, float) and math.isfinite(raw))
        case FieldKind.INT:
            fits = is_exact or (isinstance(raw, float) and raw.is_integer() and _is_exact(raw))
        case _:
            fits = False
    return float(raw) if fits else None


def _is_exact(number: float) -> bool:
    return abs(number) <= MAX_EXACT_INTEGER


def _typed(text: str, kind: FieldKind | None, label: str, reports: list[str]) -> str | int | float:
    """The text as a value of the declared kind; if it isn't one, the text, which is reported."""
    typed = kind.read(text) if kind else text
    if typed is None:
        reports.append(f"{label} is not of kind {kind}, kept as text")
        return text
    return typed


def _list_value(
    raw: list[object], kind: FieldKind | None, label: str, reports: list[str]
) -> tuple[str, ...] | None:
    found = []
    for position, item in enumerate(raw, start=1):
        number = _number(item, kind)
        whole = int(number) if number is not None and kind is FieldKind.INT else item
        text = _text(whole, label, reports)
        if text and number is None:
            _typed(text, kind, f"{label}, item {position},", reports)
        found.append(text)
    texts = tuple(filter(None, found))
    if len(texts) > MAX_LIST_VALUES:
        reports.append(f"{label} has {len(texts)} values, cut to {MAX_LIST_VALUES}")
    return texts[:MAX_LIST_VALUES] or None


def _text(raw: object, label: str, reports: list[str]) -> str:
    """A scalar as text within the limit; empty for null, and for anything but a scalar."""
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if not isinstance(raw, str | int | float):
        reports.append(f"{label} is nested too deeply, left out")
        return ""
    if isinstance(raw, float) and not math.isfinite(raw):
        reports.append(f"{label} is not a finite number, left out")
        return ""
    text = _encodable(str(raw)).strip()
    if len(text) <= MAX_VALUE_LENGTH:
        return text
    reports.append(f"{label} has {len(text)} characters, cut to {MAX_VALUE_LENGTH}")
    return _cut(text)


def _cut(text: str) -> str:
    """The first `MAX_VALUE_LENGTH` characters, or a few less to keep the last character whole."""
    end = MAX_VALUE_LENGTH
    while _joins_previous(text[end]) or text[end - 1] == _ZERO_WIDTH_JOINER:
        end -= 1
        if MAX_VALUE_LENGTH - end > _LONGEST_CLUSTER:
            return text[:MAX_VALUE_LENGTH]
    return text[:end]


def _joins_previous(character: str) -> bool:
    """Whether a code point belongs to the one before: marks, joiners, skin tones, flag tags."""
    return (
        unicodedata.category(character).startswith("M")
        or character == _ZERO_WIDTH_JOINER
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _encodable(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, which JSON can hold and UTF-8 can't."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
