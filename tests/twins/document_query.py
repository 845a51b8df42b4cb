"""Selects and orders the documents of a query by Firestore's rules."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from shared.gateways.database.document_rules import FieldValue, storable_value
from shared.gateways.ports import Fields, Op, Query, Where

MISSING: Final = object()
"""The value of a field that a document lacks; None is a stored value."""

_COMPARISONS: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}


def select(documents: Mapping[str, Fields], query: Query) -> list[str]:
    """The ids of matching documents, in order; ``documents`` are the query's collection, by id.

    A document that lacks one of the ``order_by`` fields is not in the index, so it isn't selected.
    Documents with equal values are ordered by id, in the direction of the last field.
    """
    names = [name.removeprefix("-") for name in query.order_by]
    backwards = [name.startswith("-") for name in query.order_by]
    backwards.append(backwards[-1] if backwards else False)
    tests = [_test(where) for where in query.where]

    matching = documents
    for test in tests:
        matching = {key: fields for key, fields in matching.items() if test(fields)}
    if not names and query.start_after is None:
        return sorted(matching)[: query.limit]
    read = [getter(name) for name in names]
    found = {
        document_id: [value(fields) for value in read] for document_id, fields in matching.items()
    }
    keys = {
        document_id: (*map(_sort_key, values), _sort_key(document_id))
        for document_id, values in found.items()
        if MISSING not in values
    }
    if query.start_after is not None:
        cursor = [_sort_key(storable_value(value)) for value in query.start_after]
        keys = {
            document_id: key
            for document_id, key in keys.items()
            if _is_after(key, cursor, backwards)
        }
    selected = list(keys)
    for place, descending in reversed([*enumerate(backwards)]):
        selected.sort(key=lambda document_id: keys[document_id][place], reverse=descending)
    return selected[: query.limit]


def getter(name: str) -> Callable[[Fields], FieldValue]:
    """A function that reads a field, also of a map (``desired.size``), or returns ``MISSING``."""
    first, *rest = name.split(".")

    def value(fields: Fields) -> FieldValue:
        found = fields.get(first, MISSING)
        for part in rest:
            found = found.get(part, MISSING) if isinstance(found, Mapping) else MISSING
        return found

    return value


_Key = tuple[int, Any]


def _sort_key(value: FieldValue) -> _Key:
    """A key that orders values of any types: first by type, then by value."""
    match value:
        case None:
            return 0, 0
        case bool():
            return 1, value
        case int() | float():
            return 2, value
        case datetime():
            return 3, value
        case str():
            return 4, value  # by code point, as the UTF-8 bytes are ordered
        case list():
            return 5, [_sort_key(item) for item in value]
        case _:
            return 6, [(key, _sort_key(item)) for key, item in sorted(value.items())]


def _test(where: Where) -> Callable[[Fields], bool]:
    read = getter(where.name)
    if where.op is Op.IN:
        wanted = [_sort_key(storable_value(value)) for value in where.value if value is not None]

        def is_in(fields: Fields) -> bool:
            value = read(fields)
            return value is not MISSING and _sort_key(value) in wanted

        return is_in

    kind, bound = _sort_key(storable_value(where.value))
    compare = _COMPARISONS[where.op]

    def holds(fields: Fields) -> bool:
        value = read(fields)
        if value is MISSING:
            return False
        its_kind, key = _sort_key(value)
        return its_kind == kind and compare(key, bound)

    return holds


def _is_after(key: tuple[_Key, ...], cursor: list[_Key], backwards: list[bool]) -> bool:
    """Whether a key comes after the cursor.

    If the cursor has only the first fields, keys with the same values of these don't.
    """
    for own, seen, descending in zip(key, cursor, backwards, strict=False):
        if own != seen:
            return own < seen if descending else own > seen
    return False
