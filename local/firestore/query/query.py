"""What a query says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from local.firestore.query.field_path import FieldPath
from local.firestore.values.kinds import Value


class Op(Enum):
    """The operators of filters."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"
    NOT_IN = "not-in"
    ARRAY_CONTAINS = "array-contains"
    ARRAY_CONTAINS_ANY = "array-contains-any"
    IS_NULL = "is null"
    IS_NAN = "is NaN"
    IS_NOT_NULL = "is not null"
    IS_NOT_NAN = "is not NaN"


EQUALITIES = frozenset({Op.EQ, Op.IN, Op.IS_NULL, Op.IS_NAN})
"""Operators that find their documents at single places of an index."""

ARRAYS = frozenset({Op.ARRAY_CONTAINS, Op.ARRAY_CONTAINS_ANY})

INEQUALITIES = frozenset(Op) - EQUALITIES - ARRAYS
"""Operators that find their documents along a part of an index, so they need its order."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on one field; unary operators have no value."""

    field: FieldPath
    op: Op
    value: Value = None


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions of which all must hold, or any."""

    is_or: bool
    parts: tuple[Where, ...]


Where: TypeAlias = Filter | Junction


@dataclass(frozen=True, slots=True)
class Order:
    """A field by which results are ordered."""

    field: FieldPath
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between results: values of the first fields of the order.

    Attributes:
        values: One value for each of these fields.
        before: Whether the place is before the results that have these values, or after them.
    """

    values: tuple[Value, ...]
    before: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, as its sender wrote it.

    Attributes:
        collection: The id of the collections; None for all of them.
        parent: The path of the document that the collections are below; empty for the database.
        descendants: Whether they are anywhere below it (a collection group), or directly.
        where: The condition, or None.
        order_by: The order that was asked for.
        start: Where the results begin, or None.
        end: Where they end, or None.
        offset: How many are left out at the beginning.
        limit: The most results, or None.
        select: The fields of the results, or None for all of them.
        summed: The fields that are added up. They end the order, so documents that lack one of
            them are no results.
    """

    collection: str | None
    parent: str = ""
    descendants: bool = False
    where: Where | None = None
    order_by: tuple[Order, ...] = ()
    start: Cursor | None = None
    end: Cursor | None = None
    offset: int = 0
    limit: int | None = None
    select: tuple[FieldPath, ...] | None = None
    summed: tuple[FieldPath, ...] = ()

    @property
    def path(self) -> str:
        """The path of the one collection; only if there are no ``descendants``."""
        return f"{self.parent}/{self.collection}" if self.parent else str(self.collection)

    def covers(self, path: str) -> bool:
        """Whether a document is in one of the collections."""
        collection = path.rpartition("/")[0]
        if self.collection is not None and not self.descendants:
            return collection == self.path
        parent, _, name = collection.rpartition("/")
        below = parent == self.parent
        if self.descendants:
            below = below or not self.parent or parent.startswith(f"{self.parent}/")
        return below and self.collection in (None, name)


def filters_of(where: Where | None) -> tuple[Filter, ...]:
    """All conditions on single fields, however they are joined."""
    if where is None:
        return ()
    if isinstance(where, Filter):
        return (where,)
    return tuple(each for part in where.parts for each in filters_of(part))
