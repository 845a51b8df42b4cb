"""A query of the port, as the local Firestore's engine has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from local.firestore.query.field_path import NAME, FieldPath, parsed
from local.firestore.query.query import Cursor, Filter, Junction, Order, Where
from local.firestore.query.query import Op as EngineOp
from local.firestore.query.query import Query as EngineQuery
from local.firestore.values.kinds import Reference
from shared.gateways.database.document_rules import storable_value
from shared.gateways.ports import Op, Query
from shared.gateways.ports import Where as PortWhere

_OPS = {op: EngineOp(op.value) for op in Op}


def engine_query(query: Query, summed: Sequence[str] = ()) -> EngineQuery:
    """The query; ``summed`` are the fields that are added up over its results."""
    parent, _, collection = query.collection.rpartition("/")
    order = tuple(
        Order(parsed(name.removeprefix("-")), name.startswith("-")) for name in query.order_by
    )
    start = None
    if query.start_after is not None:
        if not order or len(query.start_after) > len(order):
            order = (*order, Order(NAME, bool(order) and order[-1].descending))
        values = [
            Reference(f"{query.collection}/{value}")
            if each.field == NAME
            else storable_value(value)
            for each, value in zip(order, query.start_after, strict=False)
        ]
        start = Cursor(tuple(values), before=False)
    return EngineQuery(
        collection=collection,
        parent=parent,
        where=_where([_filter(each) for each in query.where]),
        order_by=order,
        start=start,
        limit=query.limit,
        summed=tuple(map(_path, summed)),
    )


def _path(name: str) -> FieldPath:
    return parsed(name)


def _filter(where: PortWhere) -> Filter:
    path = parsed(where.name)
    if where.op is Op.EQ and where.value is None:
        return Filter(path, EngineOp.IS_NULL)  # as the client does
    return Filter(path, _OPS[where.op], _value(where))


def _value(where: PortWhere) -> Any:
    return storable_value([*where.value] if where.op is Op.IN else where.value)


def _where(filters: list[Filter]) -> Where | None:
    if not filters:
        return None
    return filters[0] if len(filters) == 1 else Junction(is_or=False, parts=tuple(filters))
