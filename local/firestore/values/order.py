"""The order of all values: first by type, then by value.

Source: Firestore, "Supported data types", value type ordering: null, booleans, NaN, numbers, times,
text by its UTF-8 bytes, bytes, references, geographical points, arrays, maps. Integers and floating
point numbers are ordered together, by their exact values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import NoneType
from typing import Any, Final, TypeAlias

from local.firestore.values.kinds import GeoPoint, Reference, Value

Key: TypeAlias = tuple[int, Any]
"""Keys are ordered as their values are, and equal where these are equal: 1 equals 1.0."""

NULL, BOOLEAN, NAN, NUMBER, TIME, TEXT, BYTES, REFERENCE, POINT, ARRAY, MAP = range(11)


def order_key(value: Value) -> Key:
    """The key of a value."""
    return _KEYS[type(value)](value)


def segments(name: str) -> tuple[str, ...]:
    """The parts of a name, which order names: a document comes before those below it."""
    return tuple(name.split("/"))


def _float(value: float) -> Key:
    return (NUMBER, value) if value == value else (NAN, 0)  # noqa: PLR0124 - NaN differs from itself


# Code points are ordered as UTF-8 bytes are, so text needs no encoding.
_KEYS: Final[Mapping[type, Callable[[Any], Key]]] = {
    NoneType: lambda _: (NULL, 0),
    bool: lambda value: (BOOLEAN, value),
    int: lambda value: (NUMBER, value),
    float: _float,
    datetime: lambda value: (TIME, value),
    str: lambda value: (TEXT, value),
    bytes: lambda value: (BYTES, value),
    Reference: lambda value: (REFERENCE, segments(value.name)),
    GeoPoint: lambda value: (POINT, (value.latitude, value.longitude)),
    list: lambda value: (ARRAY, [order_key(item) for item in value]),
    dict: lambda value: (MAP, [(name, order_key(value[name])) for name in sorted(value)]),
}
