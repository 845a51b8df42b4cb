"""A part of an index, and the keys of a document's entries in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from local.firestore.indexes.index_set import Index, Mode
from local.firestore.query.document import Stored
from local.firestore.query.field_path import NAME, getter
from local.firestore.values.encoding import encoded, encoded_name, inverted, number_at
from local.firestore.values.kinds import MISSING, Reference, Value

_INTEGER, _NO_INTEGER = b"\x01", b"\x00"


@dataclass(frozen=True, slots=True)
class Scan:
    """A part of an index, or the documents of a collection by their names.

    Attributes:
        index: The index; None for the documents by their names.
        scope: The path of the collection; empty for a collection group.
        low: The first key.
        high: The first key that is beyond; None: there is none.
        prefix: The bytes with which all its keys begin.
        first: Without an index, the id of the first document.
    """

    index: Index | None
    scope: str
    low: bytes = b""
    high: bytes | None = None
    prefix: bytes = b""
    first: str = ""


def part(value: Value, mode: Mode) -> bytes:
    """The part of a key that stands for a value."""
    return inverted(encoded(value)) if mode is Mode.DESCENDING else encoded(value)


def name_part(path: str, mode: Mode, *, group: bool) -> bytes:
    """The part of a key that stands for a document's name: its id, or in a group its path."""
    name = encoded_name(path.split("/") if group else [path.rpartition("/")[2]])
    return inverted(name) if mode is Mode.DESCENDING else name


def keys(index: Index, document: Stored) -> Iterator[bytes]:
    """The keys of a document's entries: none if it lacks a field, several for an array.

    The last byte tells whether the last value is an integer, which its bytes don't tell.
    """
    last: Value = None
    choices: list[list[bytes]] = []
    for path, mode in index.whole:
        if path == NAME:
            choices.append([name_part(document.path, mode, group=index.group)])
            continue
        value = getter(path)(document)
        if mode is Mode.CONTAINS:
            if type(value) is not list:
                return
            choices.append(list({encoded(item) for item in value}))
        elif value is MISSING:
            return
        else:
            choices.append([part(value, mode)])
        last = value
    choices.append([_INTEGER if type(last) is int else _NO_INTEGER])
    yield from map(b"".join, product(*choices))


def summand(scan: Scan, key: bytes) -> int | float | None:
    """The number that follows the prefix of a scan in one of its keys; None if none does."""
    return number_at(key, len(scan.prefix), is_integer=key.endswith(_INTEGER))


def reference_part(value: Value, mode: Mode, scope: str) -> bytes | None:
    """The part that stands for a reference in a cursor; None if it is of another collection."""
    if type(value) is not Reference or value.name.rpartition("/")[0] != scope:
        return None
    return name_part(value.name, mode, group=False)
