"""Strict reading of JSON, for bodies of requests and the files that ship with the code."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table or a row: unknown or missing keys and values of the wrong type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


T = TypeVar("T", bound=Table)


def parsed(text: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The JSON value that ``text`` is, in UTF-8.

    Raises:
        ValueError: The text isn't JSON in UTF-8, is nested too deeply, has a key twice in one
            object, or a value that JSON doesn't know (NaN, Infinity, half a surrogate pair).
    """
    try:
        value = json.loads(
            text.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_unknown
        )
        json.dumps(value, ensure_ascii=False).encode()  # fails for half a surrogate pair
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def parse_table(kind: type[T], text: str) -> T:
    """Parse ``text`` as a table of the class ``kind``.

    Raises:
        ValueError: The text isn't JSON, a key appears twice, or the table breaks the rules of
            ``kind`` (pydantic's ``ValidationError``, which names every problem).
    """
    return kind.model_validate(parsed(text.encode()))


def packaged(kind: type[T], name: str) -> T:
    """The table in the file ``shared/{name}``; raises what ``parse_table`` raises."""
    return parse_table(kind, resources.files("shared").joinpath(name).read_text(encoding="utf-8"))


def _unknown(constant: str) -> None:
    raise ValueError(f"{constant} is no value of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise ValueError(f"{', '.join(map(repr, twice))} appears twice")
    return found
