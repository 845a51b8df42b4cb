"""Bytes that are ordered as the values are, for the keys of stored indexes.

``encoded(a) < encoded(b)`` exactly if ``order_key(a) < order_key(b)``, also when other bytes
follow: no encoding is the beginning of another one.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Any, Final

from local.firestore.values import order
from local.firestore.values.kinds import GeoPoint, Reference, Value

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SIGN: Final = 1 << 63
_ALL: Final = (1 << 64) - 1
_REST: Final = 1 << 15
_INVERTED: Final = bytes(range(255, -1, -1))
_END: Final = b"\x00"
"""Ends an array or a map; all tags are greater."""

_TAG: Final = [bytes([kind + 1]) for kind in range(order.MAP + 1)]


def encoded(value: Value) -> bytes:
    """The bytes of a value."""
    return _ENCODERS[type(value)](value)


def inverted(key: bytes) -> bytes:
    """The bytes for descending order."""
    return key.translate(_INVERTED)


def above(prefix: bytes) -> bytes | None:
    """The least bytes greater than all that begin with ``prefix``; None if there are none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else None


def _number(value: float) -> bytes:
    """A number as a double, then what an integer differs from it.

    An integer beyond 2**53 is not always a double. Rounding keeps the order, and the rest (at most
    512) tells apart integers that are rounded alike.
    """
    if value != value:  # noqa: PLR0124 - NaN
        return _TAG[order.NAN]
    double = float(value) + 0.0  # -0.0 becomes 0.0
    (bits,) = struct.unpack(">Q", struct.pack(">d", double))
    bits = ~bits & _ALL if bits & _SIGN else bits | _SIGN
    rest = value - int(double) if type(value) is int else 0
    return _TAG[order.NUMBER] + struct.pack(">QH", bits, rest + _REST)


def number_at(key: bytes, at: int, *, is_integer: bool) -> int | float | None:
    """The number that was encoded at a place of a key; None if something else was.

    1 and 1.0 have the same encoding; ``is_integer`` says which one it was.
    """
    if key[at : at + 1] == _TAG[order.NAN]:
        return float("nan")
    if key[at : at + 1] != _TAG[order.NUMBER]:
        return None
    bits, rest = struct.unpack_from(">QH", key, at + 1)
    (double,) = struct.unpack(
        ">d", struct.pack(">Q", bits ^ _SIGN if bits & _SIGN else ~bits & _ALL)
    )
    return int(double) + rest - _REST if is_integer else float(double)


def _escaped(raw: bytes) -> bytes:
    """Bytes that end with 0 0; a zero byte inside becomes 0 255."""
    return raw.replace(b"\x00", b"\x00\xff") + b"\x00\x00"


def _named(parts: Iterable[str]) -> bytes:
    """A name part by part, so that a document sorts before those below it."""
    return b"".join(b"\x01" + _escaped(part.encode()) for part in parts) + _END


def _map(value: dict[str, Value]) -> bytes:
    items = (b"\x01" + _escaped(name.encode()) + encoded(value[name]) for name in sorted(value))
    return _TAG[order.MAP] + b"".join(items) + _END


_ENCODERS: Final[Mapping[type, Callable[[Any], bytes]]] = {
    NoneType: lambda _: _TAG[order.NULL],
    bool: lambda value: _TAG[order.BOOLEAN] + bytes([value]),
    int: _number,
    float: _number,
    datetime: lambda value: (
        _TAG[order.TIME] + struct.pack(">Q", (value - _EPOCH) // _MICROSECOND + _SIGN)
    ),
    str: lambda value: _TAG[order.TEXT] + _escaped(value.encode()),
    bytes: lambda value: _TAG[order.BYTES] + _escaped(value),
    Reference: lambda value: _TAG[order.REFERENCE] + _named(order.segments(value.name)),
    GeoPoint: lambda value: _TAG[order.POINT] + _number(value.latitude) + _number(value.longitude),
    list: lambda value: _TAG[order.ARRAY] + b"".join(map(encoded, value)) + _END,
    dict: _map,
}


def encoded_name(parts: Iterable[str]) -> bytes:
    """The bytes of a document's name, as the last part of an index entry."""
    return _named(parts)
