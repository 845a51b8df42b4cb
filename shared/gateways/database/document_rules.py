"""What documents, commits and queries may be: checked alike by Firestore's adapter and its twin.

Firestore would refuse most of this itself, but after a round trip, with an error that names
nothing, and in a few cases (a time without a zone, a page boundary between equal values) it would
do something else than was meant.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from shared.gateways.ports import (
    MAX_WRITES_PER_COMMIT,
    Op,
    Query,
    Update,
    Write,
)

FieldValue = Any
"""What a field holds; ``ports.Fields`` names the types."""

MAX_IN_VALUES: Final = 30
"""Values of one ``in`` filter. Source: Firestore, query limitations."""

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**63 - 1
"""The integers a document can hold; an increment stops there."""

_FIELD_NAME = re.compile(r"(?!__.*__$)[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_RANGES = (Op.LT, Op.LE, Op.GT, Op.GE)


def storable_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy as plain dicts, lists, strings and UTC datetimes.

    Raises:
        ValueError: a field name is no simple identifier, or a value is out of range.
        TypeError: a value is of a type that documents don't hold.
    """
    copy = {}
    for name, value in fields.items():
        if not _is_field_name(name):
            raise ValueError(f"not a field name: {name!r}")
        try:
            copy[name] = storable_value(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"field {name}: {error}") from error
    return copy


def storable_value(  # noqa: C901 - one case for each type
    value: FieldValue, *, in_list: bool = False
) -> FieldValue:
    """A deep copy of one value; raises as ``storable_fields`` does."""
    match value:
        case None | bool():
            return value
        case str():
            return _text(value)
        case int():
            if not MIN_INTEGER <= value <= MAX_INTEGER:
                raise ValueError(f"beyond 64 bits: {value}")
            return int(value)
        case float():
            if math.isnan(value):
                raise ValueError("not a number, so that nothing would find it")
            return float(value)
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"a time without a zone: {value}")
            return value.astimezone(UTC)
        case Mapping():
            return {_map_key(key): storable_value(item) for key, item in value.items()}
        case list() | tuple() if not in_list:
            return [storable_value(item, in_list=True) for item in value]
        case _:
            raise TypeError(f"a document can't hold {type(value).__name__} here")


def _text(text: str) -> str:
    """The text as a plain ``str``. Raises ``ValueError`` where UTF-8 can't express it."""
    if type(text) is str and text.isascii():
        return text
    try:
        return text.encode().decode()
    except UnicodeEncodeError:
        raise ValueError(f"not Unicode text: {text!a}") from None


def _map_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"keys of maps are text, not {type(key).__name__}")
    if not key or _RESERVED.fullmatch(key):
        raise ValueError(f"not a key of a map: {key!r}")
    return _text(key)


@lru_cache
def _is_field_name(name: str) -> bool:
    return _FIELD_NAME.fullmatch(name) is not None


@lru_cache(1024)
def check_document_path(path: str) -> None:
    """Raises ``ValueError`` unless the path is ``collection/id[/collection/id]``."""
    parts = path.split("/")
    if len(parts) % 2 or not _are_ids(parts):
        raise ValueError(f"not a document's path: {path!r}")


@lru_cache
def check_collection_path(path: str) -> None:
    """Raises ``ValueError`` unless the path is ``collection[/id/collection]``."""
    parts = path.split("/")
    if not len(parts) % 2 or not _are_ids(parts):
        raise ValueError(f"not a collection's path: {path!r}")


def _are_ids(parts: Sequence[str]) -> bool:
    return not any(part in ("", ".", "..") or _RESERVED.fullmatch(part) for part in parts)


def check_commit(writes: Sequence[Write]) -> None:
    """Raises ``ValueError``: too many writes, two of one document, a bad path, an empty update."""
    if len(writes) > MAX_WRITES_PER_COMMIT:
        raise ValueError(f"{len(writes)} writes; a commit takes {MAX_WRITES_PER_COMMIT}")
    if len({write.path for write in writes}) < len(writes):
        raise ValueError("a commit writes each document once")
    for write in writes:
        check_document_path(write.path)
        if isinstance(write, Update) and not write.fields:
            raise ValueError(f"an update of no field: {write.path}")


def check_query(query: Query, *, ordered: bool = True) -> None:
    """Refuses what no index serves, what selects nothing ever, and an order that isn't plain.

    A range decides the first order of its results, so ``order_by`` must say so. A cursor is as
    long as ``order_by``, or longer by one: the id of the last document seen, which tells apart
    documents that tie.

    Args:
        query: The query.
        ordered: Whether the order of the results matters.

    Raises:
        ValueError: with what is wrong.
    """
    check_collection_path(query.collection)
    for where in query.where:
        if where.op in _RANGES and where.value is None:
            raise ValueError(f"a range of {where.name} without a bound")
        if where.op is Op.IN and not 0 < len(where.value) <= MAX_IN_VALUES:
            raise ValueError(f"{where.name} in {len(where.value)} values; 1 to {MAX_IN_VALUES}")
    order = [name.removeprefix("-") for name in query.order_by]
    ranged = {where.name for where in query.where if where.op in _RANGES}
    if len(ranged) > 1:
        raise ValueError(f"ranges of several fields: {', '.join(sorted(ranged))}")
    if (ordered or query.start_after is not None) and ranged and ranged != {*order[:1]}:
        raise ValueError(f"a range of {ranged.pop()} is ordered by it first")
    if query.start_after is not None:
        lengths = (len(order), len(order) + 1) if order else (1,)
        if len(query.start_after) not in lengths:
            raise ValueError(f"{len(query.start_after)} values to start after, not {lengths[0]}")


def check_sums(query: Query) -> None:
    """Refuse what Firestore would sum in the order of the field itself: only a part."""
    check_query(query, ordered=False)
    if query.limit is not None or query.start_after is not None:
        raise ValueError("a sum is of all that match, not of a part")


def is_number(value: FieldValue) -> bool:
    """Whether Firestore adds it up; booleans are no numbers there."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def billed_entries(matches: int) -> int:
    """Reads an aggregation over so many index entries is billed as: one for each thousand."""
    return max(1, math.ceil(matches / 1000))
