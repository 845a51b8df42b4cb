"""Whether a document meets a condition."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from local.firestore.query.document import Stored
from local.firestore.query.field_path import getter
from local.firestore.query.query import Filter, Op, Where
from local.firestore.values import order
from local.firestore.values.kinds import MISSING, Value
from local.firestore.values.order import Key, order_key

Test: TypeAlias = Callable[[Stored], bool]
_OfValue: TypeAlias = Callable[[Value], bool]

_UNEQUALLED: Final = frozenset({order.NULL, order.NAN})
"""Kinds of values that equal nothing and lie in no range; the unary operators find them."""

_RANGES: Final[Mapping[Op, Callable[[Any, Any], bool]]] = {
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}

_UNARY: Final[Mapping[Op, _OfValue]] = {
    Op.IS_NULL: lambda own: own is None,
    Op.IS_NOT_NULL: lambda own: own is not None,
    Op.IS_NAN: lambda own: order_key(own)[0] == order.NAN,
    Op.IS_NOT_NAN: lambda own: own is not None and order_key(own)[0] != order.NAN,
}


def test_of(where: Where) -> Test:
    """A function that tells whether a document meets the condition."""
    if not isinstance(where, Filter):
        tests = [test_of(part) for part in where.parts]
        if where.is_or:
            return lambda document: any(test(document) for test in tests)
        return lambda document: all(test(document) for test in tests)
    read, holds = getter(where.field), _of_value(where)

    def test(document: Stored) -> bool:
        value = read(document)
        return value is not MISSING and holds(value)

    return test


def _of_value(where: Filter) -> _OfValue:
    value = where.value
    match where.op:
        case Op.LT | Op.LE | Op.GT | Op.GE:
            return _in_range(_RANGES[where.op], order_key(value))
        case Op.EQ:
            return _equals(value)
        case Op.NE:
            return _differs(value)
        case Op.IN:
            return _is_in(value)
        case Op.NOT_IN:
            return _is_not_in(value)
        case Op.ARRAY_CONTAINS:
            return _has(_equals(value))
        case Op.ARRAY_CONTAINS_ANY:
            return _has(_is_in(value))
        case _:
            return _UNARY[where.op]


def _equals(wanted: Value) -> _OfValue:
    if type(wanted) is str:  # the usual case, made fast
        return lambda own: type(own) is str and own == wanted
    key = order_key(wanted)
    if key[0] in _UNEQUALLED:
        return lambda _: False
    return lambda own: order_key(own) == key


def _is_in(values: list[Value]) -> _OfValue:
    if all(type(value) is str for value in values):
        texts = frozenset(values)
        return lambda own: type(own) is str and own in texts
    keys = [key for key in map(order_key, values) if key[0] not in _UNEQUALLED]
    return lambda own: order_key(own) in keys


def _in_range(compare: Callable[[Key, Key], bool], bound: Key) -> _OfValue:
    kind = bound[0]
    if kind in _UNEQUALLED:
        return lambda _: False

    def holds(own: Value) -> bool:
        key = order_key(own)
        return key[0] == kind and compare(key, bound)

    return holds


def _differs(wanted: Value) -> _OfValue:
    if wanted is None:
        return lambda _: False
    equals = _equals(wanted)
    return lambda own: own is not None and not equals(own)


def _is_not_in(values: list[Value]) -> _OfValue:
    if None in values:
        return lambda _: False
    is_in = _is_in(values)
    return lambda own: own is not None and not is_in(own)


def _has(holds: _OfValue) -> _OfValue:
    return lambda own: type(own) is list and any(map(holds, own))
