"""A record that a task carries, as it was when the task was made: whoever handles it needn't read.

The record may have changed since. So nothing may be decided by it but a write that holds only for
its version; if that write meets a conflict, the record is to be read.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, TypeVar

from shared.gateways.database.codec import MalformedRecord, from_fields, to_fields
from shared.gateways.database.records import Stored

T = TypeVar("T")

TIME = "$time"
"""Marks a time, which JSON has no type for."""


def carried(record: object, version: object) -> str:
    """The record and its version as text."""
    both = {"version": version, "fields": to_fields(record)}
    return json.dumps(both, default=_as_map, ensure_ascii=False, separators=(",", ":"))


def unpacked(kind: type[T], path: str, text: str, read_time: datetime) -> Stored[T] | None:
    """The record that the text carries; None if it carries none of this kind.

    Args:
        kind: The record's class.
        path: Path of the record's document.
        text: What ``carried`` made; empty if the task carries nothing.
        read_time: A time of the database's clock.
    """
    try:
        both = json.loads(text, object_hook=_as_time)
        return Stored(path, from_fields(kind, both["fields"]), both["version"], read_time)
    except (ValueError, TypeError, LookupError, RecursionError, MalformedRecord):
        return None


def _as_map(value: object) -> dict[str, str]:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} can't be carried")
    return {TIME: value.isoformat()}


def _as_time(value: dict[str, Any]) -> object:
    return datetime.fromisoformat(value[TIME]) if value.keys() == {TIME} else value
