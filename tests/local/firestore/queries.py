"""Random queries and documents, and what a query means, said as plainly as possible."""

from __future__ import annotations

import math
from functools import cmp_to_key
from typing import Any

from hypothesis import strategies as st

from local.firestore.query.document import Document
from local.firestore.query.query import Cursor, Filter, Junction, Op, Order, Query, filters_of
from local.firestore.values.kinds import MISSING, Fields
from local.firestore.values.order import order_key
from tests.local.firestore.values import SCALARS, VALUES

FIELDS = ("a", "b", "m.x")
PATHS = [tuple(name.split(".")) for name in FIELDS]

SMALL = st.one_of(st.integers(0, 2), st.sampled_from([0.0, 1.5, "x", "y", None, True]))
TAGS = st.lists(SMALL, max_size=3)


def is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def is_unequalled(value: Any) -> bool:
    """Whether no value equals this one."""
    return value is None or is_nan(value)


DOCUMENTS: st.SearchStrategy[list[Fields]] = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "a": SMALL | SCALARS,
            "b": SMALL,
            "m": st.fixed_dictionaries({}, optional={"x": SMALL}) | VALUES,
            "tags": TAGS,
        },
    ),
    max_size=12,
)

_COMPARED = st.builds(
    Filter,
    st.sampled_from(PATHS),
    st.sampled_from([Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE]),
    SMALL.filter(lambda value: value is not None)
    | SCALARS.filter(lambda value: not is_unequalled(value)),
)
_LISTED = st.builds(
    Filter,
    st.sampled_from(PATHS),
    st.sampled_from([Op.IN, Op.NOT_IN]),
    st.lists(SMALL, min_size=1, max_size=3),
)
_TAGGED = st.builds(Filter, st.just(("tags",)), st.just(Op.ARRAY_CONTAINS), SMALL) | st.builds(
    Filter,
    st.just(("tags",)),
    st.just(Op.ARRAY_CONTAINS_ANY),
    st.lists(SMALL, min_size=1, max_size=2),
)
_UNARY = st.builds(
    Filter,
    st.sampled_from(PATHS),
    st.sampled_from([Op.IS_NULL, Op.IS_NAN, Op.IS_NOT_NULL, Op.IS_NOT_NAN]),
)
FILTERS = st.one_of(_COMPARED, _COMPARED, _LISTED, _TAGGED, _UNARY)
WHERE = FILTERS | st.builds(
    Junction, st.booleans(), st.lists(FILTERS, min_size=2, max_size=3, unique_by=repr).map(tuple)
)
ORDERS = st.lists(
    st.builds(Order, st.sampled_from(PATHS), st.booleans()), max_size=2, unique_by=lambda o: o.field
).map(tuple)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    order = draw(ORDERS)
    cursors = st.none() | st.builds(
        Cursor, st.lists(SMALL, min_size=1, max_size=len(order)).map(tuple), st.booleans()
    )
    return Query(
        collection="files",
        where=draw(st.none() | WHERE),
        order_by=order,
        start=draw(cursors) if order else None,
        end=draw(cursors) if order else None,
        offset=draw(st.sampled_from([0, 0, 0, 1])),
        limit=draw(st.sampled_from([None, None, 0, 1, 3])),
    )


def value_of(document: Document, path: tuple[str, ...]) -> Any:
    value: Any = document.fields
    for part in path:
        if not isinstance(value, dict) or part not in value:
            return MISSING
        value = value[part]
    return value


def meets(  # noqa: C901 - one case for each operator
    document: Document, where: Any
) -> bool:
    """Whether a document meets a condition."""
    if isinstance(where, Junction):
        return (any if where.is_or else all)(meets(document, part) for part in where.parts)
    value = value_of(document, where.field)
    if value is MISSING:
        return False
    given = where.value
    own = order_key(value)
    comparable = not is_unequalled(given)

    def is_any(of: Any) -> bool:
        found = [item for item in given if not is_unequalled(item)]
        return any(order_key(item) == order_key(of) for item in found)

    match where.op:
        case Op.IS_NULL:
            return value is None
        case Op.IS_NOT_NULL:
            return value is not None
        case Op.IS_NAN:
            return is_nan(value)
        case Op.IS_NOT_NAN:
            return not is_unequalled(value)
        case Op.EQ:
            return comparable and own == order_key(given)
        case Op.NE:
            return value is not None and own != order_key(given)
        case Op.IN:
            return is_any(value)
        case Op.NOT_IN:
            return None not in given and value is not None and not is_any(value)
        case Op.ARRAY_CONTAINS:
            return (
                isinstance(value, list)
                and given is not None
                and any(order_key(item) == order_key(given) for item in value)
            )
        case Op.ARRAY_CONTAINS_ANY:
            return isinstance(value, list) and any(map(is_any, value))
    bound = order_key(given)
    in_range = {
        Op.LT: own < bound, Op.LE: own <= bound, Op.GT: own > bound, Op.GE: own >= bound,
    }  # fmt: skip
    return bool(own[0] == bound[0] and in_range[where.op])


_EQUALITIES = {Op.EQ, Op.IN, Op.IS_NULL, Op.IS_NAN, Op.ARRAY_CONTAINS, Op.ARRAY_CONTAINS_ANY}


def found_by(documents: list[Document], query: Query) -> list[str]:
    """The paths of a query's results."""
    order = list(query.order_by)
    last = order[-1].descending if order else False
    ranged = {each.field for each in filters_of(query.where) if each.op not in _EQUALITIES}
    missing = sorted(ranged - {each.field for each in order})
    order += [Order(field, last) for field in missing]

    def keys(document: Document) -> list[Any]:
        return [value_of(document, each.field) for each in order]

    def compare(one: list[Any], other: list[Any]) -> int:
        for each, mine, its in zip(order, one, other, strict=False):
            left, right = order_key(mine), order_key(its)
            if left != right:
                return (-1 if left < right else 1) * (-1 if each.descending else 1)
        return 0

    def compared(one: Document, other: Document) -> int:
        by_name = (one.path > other.path) - (one.path < other.path)
        return compare(keys(one), keys(other)) or (-by_name if last else by_name)

    found = [
        each
        for each in documents
        if MISSING not in keys(each) and (query.where is None or meets(each, query.where))
    ]
    if query.start is not None:
        start, least = list(query.start.values), 0 if query.start.before else 1
        found = [each for each in found if compare(keys(each), start) >= least]
    if query.end is not None:
        end, most = list(query.end.values), -1 if query.end.before else 0
        found = [each for each in found if compare(keys(each), end) <= most]
    found.sort(key=cmp_to_key(compared))
    stop = None if query.limit is None else query.offset + query.limit
    return [each.path for each in found[query.offset : stop]]
