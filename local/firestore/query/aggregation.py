"""Counts, sums and averages over the results of a query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from local.firestore.query.document import Stored
from local.firestore.query.field_path import FieldPath, getter
from local.firestore.values.kinds import Value, is_number

_INTEGERS: Final = range(-(2**63), 2**63)


class Kind(Enum):
    """What is computed."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "avg"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """A figure over the results.

    Attributes:
        kind: What is computed.
        field: The field that is added up; of a count, None.
        up_to: The greatest count; None counts all.
    """

    kind: Kind
    field: FieldPath | None = None
    up_to: int | None = None


def aggregated(found: Sequence[Stored], aggregation: Aggregation) -> Value:
    """The figure over documents. Values that are no numbers are passed over."""
    if aggregation.field is None:
        return figure(aggregation, len(found), ())
    read = getter(aggregation.field)
    return figure(aggregation, len(found), [each for each in map(read, found) if is_number(each)])


def figure(aggregation: Aggregation, count: int, numbers: Sequence[int | float]) -> Value:
    """The figure, given the count of documents or the numbers that they have."""
    if aggregation.kind is Kind.COUNT:
        return count if aggregation.up_to is None else min(count, aggregation.up_to)
    if aggregation.kind is Kind.SUM:
        return total(numbers)
    return float(total(numbers)) / len(numbers) if numbers else None


def total(numbers: Sequence[int | float]) -> int | float:
    """The sum: an integer if all are integers and it fits into 64 bits."""
    if all(type(number) is int for number in numbers):
        whole = sum(numbers)
        return int(whole) if whole in _INTEGERS else float(whole)
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):  # beyond the largest double; inf and -inf
        return float(sum(map(float, numbers)))
