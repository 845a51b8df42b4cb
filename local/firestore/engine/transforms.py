"""Changes of a field that depend on its value.

Source: the API reference of ``DocumentTransform.FieldTransform``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from local.firestore.engine.write import Change, Transform
from local.firestore.query.document import Micros
from local.firestore.values.kinds import Value, is_number
from local.firestore.values.order import order_key

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MIN_INTEGER: Final = -(2**63)
_MAX_INTEGER: Final = 2**63 - 1


def transformed(transform: Transform, value: Value, at: Micros) -> Value:
    """The field's new value, given its old one (or ``MISSING``) and the time of the commit."""
    operand = transform.operand
    match transform.change:
        case Change.TIME:
            return _EPOCH + timedelta(milliseconds=at // 1000)
        case Change.INCREMENT:
            return _sum(value, operand) if is_number(value) else operand
        case Change.MAXIMUM:
            return _extreme(value, operand, greater=True) if is_number(value) else operand
        case Change.MINIMUM:
            return _extreme(value, operand, greater=False) if is_number(value) else operand
        case Change.UNION:
            return _united(value if type(value) is list else [], operand)
        case Change.REMOVE:
            removed = [order_key(item) for item in operand]
            kept = value if type(value) is list else []
            return [item for item in kept if order_key(item) not in removed]


def shown(transform: Transform, value: Value) -> Value:
    """What the answer says about the new value."""
    return None if transform.change in (Change.UNION, Change.REMOVE) else value


def _sum(one: float, other: float) -> int | float:
    """The sum; integers stop at the ends of their range."""
    if type(one) is int and type(other) is int:
        return max(_MIN_INTEGER, min(_MAX_INTEGER, one + other))
    return float(one) + float(other)


def _extreme(value: float, operand: float, *, greater: bool) -> int | float:
    """The greater or lesser number; the old one if they are equal, and NaN if one of them is."""
    if value != value or operand != operand:  # noqa: PLR0124 - NaN
        return float("nan")
    wins = operand > value if greater else operand < value
    return operand if wins else value


def _united(value: list[Value], operand: list[Value]) -> list[Value]:
    united = list(value)
    known = [order_key(item) for item in united]
    for item in operand:
        if (key := order_key(item)) not in known:
            united.append(item)
            known.append(key)
    return united
