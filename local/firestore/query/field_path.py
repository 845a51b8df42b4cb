"""Paths of fields: ``a.b`` is the field ``b`` of the map ``a``; odd names stand in backticks.

Source: the API reference of ``Document.fields`` and ``StructuredQuery.FieldReference``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

from local.firestore.query.document import Stored
from local.firestore.refusals import invalid
from local.firestore.values.kinds import MISSING, Reference, Value

FieldPath: TypeAlias = tuple[str, ...]

NAME: Final[FieldPath] = ("__name__",)
"""Stands for the document's name, which is compared as a reference."""

_SIMPLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PART: Final = re.compile(rf"{_SIMPLE.pattern}|`(?:[^`\\]|\\.)+`", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


@lru_cache(4096)
def parsed(text: str) -> FieldPath:
    """The parts of a path.

    Raises:
        Refused: INVALID_ARGUMENT: the text is not a path.
    """
    parts, at = [], 0
    while found := _PART.match(text, at):
        part = found[0]
        parts.append(_ESCAPE.sub(r"\1", part[1:-1]) if part.startswith("`") else part)
        at = found.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            break
        at += 1
    raise invalid(f"Invalid property path {text!r}.")


def formatted(path: FieldPath) -> str:
    """The text of a path."""
    return ".".join(map(_quoted, path))


def _quoted(part: str) -> str:
    if _SIMPLE.fullmatch(part):
        return part
    return "`" + part.replace("\\", "\\\\").replace("`", "\\`") + "`"


def value_at(fields: Mapping[str, Value], path: FieldPath) -> Value:
    """The value of a field, or ``MISSING``."""
    found: Value = fields
    for part in path:
        if type(found) is not dict or part not in found:
            return MISSING
        found = found[part]
    return found


@lru_cache(4096)
def getter(path: FieldPath) -> Callable[[Stored], Value]:
    """A function that reads the value of a field, or returns ``MISSING``."""
    if path == NAME:
        return lambda document: Reference(document.path)
    if len(path) == 1:
        (only,) = path
        return lambda document: document.fields.get(only, MISSING)
    return lambda document: value_at(document.fields, path)
