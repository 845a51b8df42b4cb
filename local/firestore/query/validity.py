"""Which queries the service refuses, whatever indexes there are.

Source: Firestore, "Query limitations", and the messages of Google's emulator.
"""

from __future__ import annotations

from typing import Final

from local.firestore.query.field_path import NAME, formatted
from local.firestore.query.normal_form import disjunctions
from local.firestore.query.ordering import whole_order
from local.firestore.query.query import (
    ARRAYS,
    INEQUALITIES,
    Filter,
    Junction,
    Op,
    Query,
    Where,
    filters_of,
)
from local.firestore.refusals import failed_precondition, invalid
from local.firestore.values.kinds import Reference

MAX_IN: Final = 30
MAX_NOT_IN: Final = 10
MAX_DISJUNCTIONS: Final = 30
MAX_INEQUALITY_FIELDS: Final = 10

_LISTS: Final = {Op.IN: MAX_IN, Op.ARRAY_CONTAINS_ANY: MAX_IN, Op.NOT_IN: MAX_NOT_IN}
_EXCLUDING: Final = frozenset({Op.NE, Op.NOT_IN, Op.IS_NOT_NAN, Op.IS_NOT_NULL})


def check(query: Query) -> None:
    """Refuse a query that no index can serve.

    Raises:
        Refused: INVALID_ARGUMENT, or FAILED_PRECONDITION for names in descending order.
    """
    filters = filters_of(query.where)
    for each in filters:
        _check_filter(each)
    _check_excluding(query.where, filters)
    _check_order(query)
    unequal = {each.field for each in filters if each.op in INEQUALITIES}
    if len(unequal) > MAX_INEQUALITY_FIELDS:
        raise invalid(f"A query can have inequalities of {MAX_INEQUALITY_FIELDS} fields at most.")
    conditions = disjunctions(query.where, limit=MAX_DISJUNCTIONS)
    if conditions is None:
        raise invalid(f"A query can have {MAX_DISJUNCTIONS} disjunctions at most.")
    for condition in conditions:
        if sum(each.op in ARRAYS for each in condition) > 1:
            raise invalid("A maximum of 1 'ARRAY_CONTAINS' filter is allowed per disjunction.")
    if query.offset < 0:
        raise invalid("offset is negative")
    if query.limit is not None and query.limit < 0:
        raise invalid("limit is negative")


def _check_filter(each: Filter) -> None:
    name = each.op.name
    if (most := _LISTS.get(each.op)) is not None:
        if type(each.value) is not list:
            raise invalid(f"'{name}' requires an ArrayValue.")
        if not each.value:
            raise invalid(f"'{name}' requires an non-empty ArrayValue.")
        if len(each.value) > most:
            raise invalid(f"'{name}' supports up to {most} comparison values.")
    if each.field == NAME:
        values = each.value if each.op in _LISTS else [each.value]
        if each.op in ARRAYS or not all(type(value) is Reference for value in values):
            raise invalid("__name__ filter value must be a reference.")


def _check_excluding(where: Where | None, filters: tuple[Filter, ...]) -> None:
    operators = [each.op for each in filters]
    if sum(op in _EXCLUDING for op in operators) > 1:
        raise invalid(
            "Only a single 'NOT_EQUAL', 'NOT_IN', 'IS_NOT_NAN', or 'IS_NOT_NULL' filter allowed "
            "per query."
        )
    if Op.NOT_IN in operators and (
        Op.IN in operators or Op.ARRAY_CONTAINS_ANY in operators or _has_or(where)
    ):
        raise invalid(
            "'NOT_IN' cannot be used in the same query with 'IN', 'ARRAY_CONTAINS_ANY' or 'OR'."
        )


def _has_or(where: Where | None) -> bool:
    return isinstance(where, Junction) and (where.is_or or any(map(_has_or, where.parts)))


def _check_order(query: Query) -> None:
    names = [each.field for each in query.order_by]
    for place, field in enumerate(names):
        if field in names[:place]:
            raise invalid(f"order by clause cannot contain duplicate fields {formatted(field)}")
    if NAME in names[:-1] or (NAME in names and len(whole_order(query)) > len(names)):
        raise invalid("order by clause cannot contain more fields after the key")
    for cursor in (query.start, query.end):
        if cursor is None:
            continue
        if len(cursor.values) > len(names):
            raise invalid("Cursor has too many values.")
        for field, value in zip(names, cursor.values, strict=False):
            if field == NAME and type(value) is not Reference:
                raise invalid("The cursor's value of __name__ must be a reference.")
    if whole_order(query)[0].descending and names[:1] == [NAME] and query.where is None:
        raise failed_precondition("Firestore does not support descending key scans")
