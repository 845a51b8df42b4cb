"""Tables of figures that ship as JSON, read strictly: a slip in one is an error, not a default."""

from __future__ import annotations

import json
from typing import Any


def parse_table(text: str, problems: list[str]) -> dict[str, Any] | None:
    """The object that ``text`` holds, or None; what is wrong is added to ``problems``.

    Of a key that appears twice the last value is read, and the repetition is a problem.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        problems.extend(f"{key!r} appears twice" for key in set(keys) if keys.count(key) > 1)
        return dict(pairs)

    try:
        table = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        problems.append(f"not JSON: {error}")
        return None
    if not isinstance(table, dict):
        problems.append("not an object")
        return None
    return table


def key_problems(where: str, found: dict[str, Any], expected: frozenset[str]) -> list[str]:
    """Which keys are missing from an object, and which it should not have."""
    missing = [f"{where} lacks {key!r}" for key in sorted(expected - found.keys())]
    unknown = [f"{where} has an unknown key {key!r}" for key in sorted(found.keys() - expected)]
    return missing + unknown
