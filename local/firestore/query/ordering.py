"""The whole order of a query's results, and the places in it.

Source: the API reference of ``StructuredQuery.order_by``: fields of inequalities that the order
lacks are appended by name, then the document's name, in the direction of the last field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from local.firestore.query.document import Stored
from local.firestore.query.field_path import NAME, formatted, getter
from local.firestore.query.query import INEQUALITIES, Cursor, Order, Query, filters_of
from local.firestore.values.kinds import MISSING
from local.firestore.values.order import Key, order_key

Keys: TypeAlias = tuple[Key, ...]


def whole_order(query: Query) -> tuple[Order, ...]:
    """The order with what is implied; it ends with the name, so no two results are equal in it."""
    given = query.order_by
    names = [order.field for order in given]
    last = given[-1].descending if given else False
    if NAME in names:
        given, names = given[:-1], names[:-1]  # it can only be the last one
    unequal = {each.field for each in filters_of(query.where) if each.op in INEQUALITIES}
    summed = sorted({*query.summed} - unequal, key=formatted)
    implied = [
        field
        for field in (*sorted(unequal, key=formatted), *summed)
        if field != NAME and field not in names
    ]
    return (*given, *(Order(field, last) for field in implied), Order(NAME, last))


def keys_of(order: Sequence[Order]) -> Callable[[Stored], Keys | None]:
    """A function that gives the keys of a document, or None if it lacks a field of the order."""
    readers = [getter(each.field) for each in order]

    def keys(document: Stored) -> Keys | None:
        found = []
        for read in readers:
            value = read(document)
            if value is MISSING:
                return None
            found.append(order_key(value))
        return tuple(found)

    return keys


def in_order(found: list[tuple[Keys, Stored]], order: Sequence[Order]) -> None:
    """Sort documents by their keys."""
    directions = {each.descending for each in order}
    if len(directions) == 1:
        found.sort(key=lambda each: each[0], reverse=directions.pop())
        return
    for place, each in reversed([*enumerate(order)]):
        found.sort(key=lambda pair, at=place: pair[0][at], reverse=each.descending)  # type: ignore[misc] # mypy can't infer the default's type


def side(keys: Keys, cursor: Sequence[Key], order: Sequence[Order]) -> int:
    """-1 if the keys come before the cursor's values, 1 if after, 0 if they begin with them."""
    for own, other, each in zip(keys, cursor, order, strict=False):
        if own != other:
            return 1 if (own > other) is not each.descending else -1
    return 0


def after_start(cursor: Cursor, order: Sequence[Order]) -> Callable[[Keys], bool]:
    """Whether a document is among the results that begin at this cursor."""
    values = [order_key(value) for value in cursor.values]
    least = 0 if cursor.before else 1
    return lambda keys: side(keys, values, order) >= least


def before_end(cursor: Cursor, order: Sequence[Order]) -> Callable[[Keys], bool]:
    """Whether a document is among the results that end at this cursor."""
    values = [order_key(value) for value in cursor.values]
    most = -1 if cursor.before else 0
    return lambda keys: side(keys, values, order) <= most
