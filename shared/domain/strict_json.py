"""Tables of figures that ship as JSON, read strictly: a slip in one is an error, not a default."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table, or a row of one: unknown and missing keys and values of other types are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


T = TypeVar("T", bound=Table)


def parse_table(kind: type[T], text: str) -> T:
    """The table that ``text`` holds.

    Raises:
        ValueError: It isn't JSON, a key appears twice, or (pydantic's ``ValidationError``, which
            names every problem) it breaks the rules of ``kind``.
    """
    return kind.model_validate(json.loads(text, object_pairs_hook=_unique))


def packaged(kind: type[T], name: str) -> T:
    """The table in ``shared/{name}``; raises as ``parse_table`` does."""
    return parse_table(kind, resources.files("shared").joinpath(name).read_text(encoding="utf-8"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"{', '.join(map(repr, twice))} appears twice")
    return found
