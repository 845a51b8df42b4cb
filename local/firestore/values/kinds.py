"""The types of values.

A value is ``None``, ``bool``, ``int`` (64 bits), ``float``, ``datetime`` (UTC, microseconds, as
Firestore stores times), ``str``, ``bytes``, ``Reference``, ``GeoPoint``, ``list`` or ``dict``.
These are compared by ``type``, so no subclasses are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Value: TypeAlias = Any
Fields: TypeAlias = dict[str, Any]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""Stands for the value of a field that a document lacks; ``None`` is a stored value."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A document's whole resource name, ``projects/P/databases/D/documents/...``."""

    name: str


@dataclass(frozen=True, slots=True)
class GeoPoint:
    """A point on Earth, in degrees."""

    latitude: float
    longitude: float


def is_number(value: Value) -> bool:
    """Whether the value is a number; booleans are none."""
    return type(value) is int or type(value) is float


def copied(value: Value) -> Value:
    """A copy that shares nothing that can be changed."""
    if type(value) is dict:
        return {
            key: copied(item) if type(item) is dict or type(item) is list else item
            for key, item in value.items()
        }
    if type(value) is list:
        return [copied(item) for item in value]
    return value


def identical(one: Value, other: Value) -> bool:
    """Whether both are equal in value and type: 1, 1.0 and True differ, NaN equals itself."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if type(one) is dict:
        return one.keys() == other.keys() and all(
            item is other[key] or identical(item, other[key]) for key, item in one.items()
        )
    if type(one) is list:
        return len(one) == len(other) and all(map(identical, one, other))
    if type(one) is float:
        return repr(one) == repr(other)  # tells 0.0 from -0.0, but not one NaN from another
    return bool(one == other)
