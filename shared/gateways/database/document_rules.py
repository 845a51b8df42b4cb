"""Rules for documents, commits and queries, checked by the Firestore adapter and by its twin.

Firestore would refuse most violations itself, but only after a round trip and with an unclear
error. In a few cases (a time without a zone, a cursor between equal values) it would not refuse,
but do something unintended.
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
"""The value of a field; ``ports.Fields`` names the types."""

MAX_IN_VALUES: Final = 30
"""Most values of an ``in`` filter. Source: Firestore, query limitations."""

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**63 - 1
"""The range of integers that a document can hold."""

_FIELD_NAME = re.compile(r"(?!__.*__$)[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile(r"__.*__", re.DOTALL)
_RANGES = (Op.LT, Op.LE, Op.GT, Op.GE)


def storable_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy that has only plain dicts, lists, strings, numbers, None and UTC datetimes.

    Raises:
        ValueError: A field name is not a simple identifier, or a value is out of range.
        TypeError: A value has a type that a document can't hold.
    """
    copy = {}
    for name, value in fields.items():
        if not _is_field_name(name):
            raise ValueError(f"{name!r} is not a field name")
        try:
            copy[name] = storable_value(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"field {name}: {error}") from error
    return copy


def storable_value(  # noqa: C901 - one case for each type
    value: FieldValue, *, in_list: bool = False
) -> FieldValue:
    """A deep copy of one value; raises as ``storable_fields`` does."""
    kind = type(value)
    if value is None or kind is bool or (kind is str and value.isascii()):
        return value
    if kind is dict:
        return {_map_key(key): storable_value(item) for key, item in value.items()}
    match value:
        case str():
            return _text(value)
        case int():
            if not MIN_INTEGER <= value <= MAX_INTEGER:
                raise ValueError(f"{value} does not fit into 64 bits")
            return int(value)
        case float():
            if math.isnan(value):
                raise ValueError("NaN can't be stored, since no query finds it")
            return float(value)
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"the time {value} has no zone")
            return value.astimezone(UTC)
        case Mapping():
            return {_map_key(key): storable_value(item) for key, item in value.items()}
        case list() | tuple() if not in_list:
            return [storable_value(item, in_list=True) for item in value]
        case _:
            raise TypeError(f"a document can't hold {type(value).__name__} here")


def _text(text: str) -> str:
    """The text as a plain ``str``. Raises ``ValueError`` if UTF-8 can't encode it."""
    if type(text) is str and text.isascii():
        return text
    try:
        return text.encode().decode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!a} can't be encoded as UTF-8") from None


def _map_key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the key of a map must be text, not {type(key).__name__}")
    if not key or (key.startswith("__") and _RESERVED.fullmatch(key)):
        raise ValueError(f"{key!r} is not allowed as the key of a map")
    return _text(key)


@lru_cache
def _is_field_name(name: str) -> bool:
    return _FIELD_NAME.fullmatch(name) is not None


@lru_cache(1024)
def check_document_path(path: str) -> None:
    """Raise ``ValueError`` unless the path is ``collection/id[/collection/id]``."""
    parts = path.split("/")
    if len(parts) % 2 or not _are_ids(parts):
        raise ValueError(f"{path!r} is not the path of a document")


@lru_cache
def check_collection_path(path: str) -> None:
    """Raise ``ValueError`` unless the path is ``collection[/id/collection]``."""
    parts = path.split("/")
    if not len(parts) % 2 or not _are_ids(parts):
        raise ValueError(f"{path!r} is not the path of a collection")


def _are_ids(parts: Sequence[str]) -> bool:
    return not any(part in ("", ".", "..") or _RESERVED.fullmatch(part) for part in parts)


def check_commit(writes: Sequence[Write]) -> None:
    """Check the writes of one commit.

    Raises:
        ValueError: There are too many writes or two for one document, a path is malformed, or an
            update has no fields.
    """
    if len(writes) > MAX_WRITES_PER_COMMIT:
        raise ValueError(f"a commit has {len(writes)} writes; at most {MAX_WRITES_PER_COMMIT} fit")
    if len({write.path for write in writes}) < len(writes):
        raise ValueError("a commit may write each document only once")
    for write in writes:
        check_document_path(write.path)
        if isinstance(write, Update) and not write.fields:
            raise ValueError(f"the update of {write.path} has no fields")


def check_query(query: Query, *, ordered: bool = True) -> None:
    """Refuse queries that no index serves, that can't match anything, or whose order is unclear.

    Firestore orders results by the fields of all ranges, and appends those that ``order_by`` lacks.
    So it must name them. A cursor has a value for each field of ``order_by``, and may end with the
    id of the last document seen, which tells apart documents with equal values.

    Args:
        query: The query.
        ordered: Whether the order of the results matters.

    Raises:
        ValueError: The query breaks a rule; the message says which.
    """
    check_collection_path(query.collection)
    for where in query.where:
        if where.op in _RANGES and where.value is None:
            raise ValueError(f"the range of {where.name} has no bound")
        if where.op is Op.IN and not 0 < len(where.value) <= MAX_IN_VALUES:
            given = len(where.value)
            raise ValueError(
                f"the filter on {where.name} has {given} values, not 1 to {MAX_IN_VALUES}"
            )
    order = [name.removeprefix("-") for name in query.order_by]
    ranged = {where.name for where in query.where if where.op in _RANGES}
    if (ordered or query.start_after is not None) and not ranged <= {*order}:
        names = ", ".join(sorted(ranged - {*order}))
        raise ValueError(f"the query has a range of {names}, so order_by must name it")
    if query.start_after is not None:
        lengths = (len(order), len(order) + 1) if order else (1,)
        if len(query.start_after) not in lengths:
            raise ValueError(
                f"start_after has {len(query.start_after)} values, order_by needs {lengths[0]}"
            )


def check_sums(query: Query) -> None:
    """Refuse a sum over a part of the matches: Firestore would order them by the summed field."""
    check_query(query, ordered=False)
    if query.limit is not None or query.start_after is not None:
        raise ValueError("a sum can't be limited to a part of the matches")


def is_number(value: FieldValue) -> bool:
    """Whether Firestore adds up this value; it does not count booleans as numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def billed_entries(matches: int) -> int:
    """Reads billed for an aggregation over ``matches`` index entries: one for each thousand."""
    return max(1, math.ceil(matches / 1000))
