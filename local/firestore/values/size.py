"""The size of a document. Source: Firestore, "Storage size calculations"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from local.firestore.values.kinds import GeoPoint, Reference, Value

NAME_OVERHEAD: Final = 16
DOCUMENT_OVERHEAD: Final = 32


def text_size(text: str) -> int:
    """Bytes of a text: its UTF-8 bytes and one."""
    return (len(text) if text.isascii() else len(text.encode())) + 1


def name_size(path: str) -> int:
    """Bytes of the name of a document with this path below the database."""
    return sum(map(text_size, path.split("/"))) + NAME_OVERHEAD


def document_size(path: str, fields: Mapping[str, Value]) -> int:
    """Bytes of a document: its name, its fields and 32."""
    return name_size(path) + _map_size(fields) + DOCUMENT_OVERHEAD


def value_size(value: Value) -> int:
    """Bytes of one value."""
    kind = type(value)
    if kind is str:
        return text_size(value)
    if value is None or kind is bool:
        return 1
    if kind is dict:
        return _map_size(value)
    if kind is list:
        return sum(map(value_size, value))
    if kind is bytes:
        return len(value)
    if kind is Reference:
        return name_size(value.name.split("/documents/", 1)[-1])
    return 16 if kind is GeoPoint else 8


def _map_size(fields: Mapping[str, Value]) -> int:
    return sum(text_size(name) + value_size(value) for name, value in fields.items())
