"""Queries from messages, and figures to messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from local.firestore.query.aggregation import Aggregation, Kind
from local.firestore.query.field_path import NAME, FieldPath, parsed
from local.firestore.query.query import Cursor, Filter, Junction, Op, Order, Query, Where
from local.firestore.refusals import invalid, unimplemented
from local.firestore.values.kinds import Reference, Value
from local.firestore.wire.messages import Message, StructuredQuery
from local.firestore.wire.names import Name, document_name, resource_id
from local.firestore.wire.values import value_of

MAX_AGGREGATIONS: Final = 5
"""Source: the API reference of ``StructuredAggregationQuery.aggregations``."""

_NUMERIC_ID: Final = re.compile(r"(?<=/)__id-?[0-9]+__(?=/|$)")
"""An id that is a number: no document here has one, but queries name the least one of all ids."""

_FIELD_OPS: Final = {
    "LESS_THAN": Op.LT,
    "LESS_THAN_OR_EQUAL": Op.LE,
    "GREATER_THAN": Op.GT,
    "GREATER_THAN_OR_EQUAL": Op.GE,
    "EQUAL": Op.EQ,
    "NOT_EQUAL": Op.NE,
    "ARRAY_CONTAINS": Op.ARRAY_CONTAINS,
    "IN": Op.IN,
    "ARRAY_CONTAINS_ANY": Op.ARRAY_CONTAINS_ANY,
    "NOT_IN": Op.NOT_IN,
}
_UNARY_OPS: Final = {
    "IS_NAN": Op.IS_NAN,
    "IS_NULL": Op.IS_NULL,
    "IS_NOT_NAN": Op.IS_NOT_NAN,
    "IS_NOT_NULL": Op.IS_NOT_NULL,
}
_FIELD_NAMES: Final = {
    number: _FIELD_OPS.get(name) for name, number in StructuredQuery.FieldFilter.Operator.items()
}
_UNARY_NAMES: Final = {
    number: _UNARY_OPS.get(name) for name, number in StructuredQuery.UnaryFilter.Operator.items()
}
_OR: Final = StructuredQuery.CompositeFilter.Operator.Value("OR")
_AND: Final = StructuredQuery.CompositeFilter.Operator.Value("AND")
_DESCENDING: Final = StructuredQuery.Direction.Value("DESCENDING")


def query_of(message: Message, parent: Name, summed: Sequence[FieldPath] = ()) -> Query:
    """A query below a document or a database.

    Raises:
        Refused: INVALID_ARGUMENT: it is malformed. UNIMPLEMENTED: it looks for near vectors.
    """
    if message.HasField("find_nearest"):
        raise unimplemented("FindNearest is not supported by the local Firestore.")
    if len(message.from_) > 1:
        raise invalid("StructuredQuery.from cannot have more than one collection selector.")
    collection, descendants = None, False
    for selector in message.from_:
        collection = resource_id(selector.collection_id) if selector.collection_id else None
        descendants = selector.all_descendants
    order = tuple(_order(each) for each in message.order_by)
    selected = [parsed(each.field_path) for each in message.select.fields]
    return Query(
        collection=collection,
        parent=parent.path,
        descendants=descendants,
        where=_where(message.where, parent) if message.HasField("where") else None,
        order_by=order,
        start=_cursor(message, "start_at", order, parent),
        end=_cursor(message, "end_at", order, parent),
        offset=message.offset,
        limit=message.limit.value if message.HasField("limit") else None,
        select=tuple(selected) if message.HasField("select") and selected else None,
        summed=tuple(summed),
    )


def aggregations_of(message: Message) -> dict[str, Aggregation]:
    """The figures that are asked for, by their names.

    Raises:
        Refused: INVALID_ARGUMENT: a name occurs twice, or there are none or too many.
    """
    if not message.aggregations:
        raise invalid("Aggregations can not be empty.")
    if len(message.aggregations) > MAX_AGGREGATIONS:
        raise invalid(f"A query can have {MAX_AGGREGATIONS} aggregations at most.")
    wanted: dict[str, Aggregation] = {}
    for place, each in enumerate(message.aggregations, 1):
        alias = each.alias or f"field_{place}"
        if alias in wanted:
            raise invalid(f"Aggregation aliases contain duplicate alias: {alias}.")
        wanted[alias] = _aggregation(each)
    return wanted


def _aggregation(message: Message) -> Aggregation:
    kind = message.WhichOneof("operator")
    if kind == "count":
        count = message.count
        return Aggregation(Kind.COUNT, None, count.up_to.value if count.HasField("up_to") else None)
    if kind is None:
        raise invalid("An aggregation has no operator.")
    path = parsed(getattr(message, kind).field.field_path)
    if path == NAME:
        raise invalid("Aggregations are not supported for the property: __name__")
    return Aggregation(Kind(kind), path)


def _order(message: Message) -> Order:
    return Order(parsed(message.field.field_path), message.direction == _DESCENDING)


def _where(message: Message, parent: Name) -> Where:
    kind = message.WhichOneof("filter_type")
    if kind == "composite_filter":
        composite = message.composite_filter
        if composite.op not in (_AND, _OR) or not composite.filters:
            raise invalid("A composite filter needs an operator and filters.")
        return Junction(
            composite.op == _OR, tuple(_where(each, parent) for each in composite.filters)
        )
    if kind == "field_filter":
        return _field_filter(message.field_filter, parent)
    if kind == "unary_filter":
        unary = _UNARY_NAMES.get(message.unary_filter.op)
        if unary is None:
            raise invalid("A unary filter has no operator.")
        return Filter(parsed(message.unary_filter.field.field_path), unary)
    raise invalid("A filter has no type.")


def _field_filter(message: Message, parent: Name) -> Filter:
    op = _FIELD_NAMES.get(message.op)
    if op is None:
        raise invalid("A field filter has no operator.")
    path, value = parsed(message.field.field_path), value_of(message.value)
    return Filter(path, op, _below(value, parent) if path == NAME else value)


def _cursor(message: Message, field: str, order: Sequence[Order], parent: Name) -> Cursor | None:
    if not message.HasField(field):
        return None
    cursor = getattr(message, field)
    values = [value_of(each) for each in cursor.values]
    for place, each in enumerate(order[: len(values)]):
        if each.field == NAME:
            values[place] = _below(values[place], parent)
    return Cursor(tuple(values), cursor.before)


def _below(value: Value, parent: Name) -> Value:
    """The value of ``__name__`` with references as documents have them: below the database."""
    if type(value) is list:
        return [_below(item, parent) for item in value]
    if type(value) is not Reference:
        return value
    database = document_name(_NUMERIC_ID.sub("0", value.name)).database
    if database != parent.database:
        raise invalid(f"{value.name!r} is not in the database {parent.database!r}.")
    path = value.name.removeprefix(f"{database}/documents/")
    return Reference(_NUMERIC_ID.sub("", path))  # nothing comes before all ids, as numbers do
