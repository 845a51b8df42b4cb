"""A part of an index, and the keys of a document's entries in it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from local.firestore.indexes.index_set import Index, Mode
from local.firestore.query.document import Stored
from local.firestore.query.field_path import NAME, FieldPath, getter
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


Parts: TypeAlias = dict[tuple[FieldPath, Mode, bool], tuple[bytes, ...]]
"""The parts of one document's keys that were made already: they are the same in many indexes."""


def keys(index: Index, document: Stored, made: Parts | None = None) -> tuple[bytes, ...]:
    """The keys of a document's entries: none if it lacks a field, several for an array.

    The last byte tells whether the last value is an integer, which its bytes don't tell.

    Args:
        index: The index.
        document: The document.
        made: Parts of keys of the same document in other indexes; those of this one are added.
    """
    made = {} if made is None else made
    choices = []
    several = False
    for path, mode in index.whole:
        place = path, mode, index.group
        choice = made.get(place)
        if choice is None:
            choice = made[place] = _choice(path, mode, document, group=index.group)
        if not choice:
            return ()
        several = several or len(choice) > 1
        choices.append(choice)
    last = index.last
    is_integer = last is not None and type(getter(last)(document)) is int
    choices.append((_INTEGER if is_integer else _NO_INTEGER,))
    if not several:
        return (b"".join([choice[0] for choice in choices]),)
    return tuple(map(b"".join, product(*choices)))


def _choice(path: FieldPath, mode: Mode, document: Stored, *, group: bool) -> tuple[bytes, ...]:
    """The parts that may stand for a field: none if it is missing, several for an array."""
    if path == NAME:
        return (name_part(document.path, mode, group=group),)
    value = getter(path)(document)
    if mode is Mode.CONTAINS:
        return tuple({encoded(item) for item in value}) if type(value) is list else ()
    return () if value is MISSING else (part(value, mode),)


def summand(scan: Scan, key: bytes) -> int | float | None:
    """The number that follows the prefix of a scan in one of its keys; None if none does."""
    return number_at(key, len(scan.prefix), is_integer=key.endswith(_INTEGER))


def reference_part(value: Value, mode: Mode, scope: str) -> bytes | None:
    """The part that stands for a reference in a cursor; None if it is of another collection."""
    if type(value) is not Reference or value.name.rpartition("/")[0] != scope:
        return None
    return name_part(value.name, mode, group=False)
