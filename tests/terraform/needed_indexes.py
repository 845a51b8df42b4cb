"""Which indexes Firestore needs for the queries that are made, by Firestore's rules.

An emulator serves every query without an index, so nothing but this tells that one is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.gateways.ports import Op, Query

ASCENDING, DESCENDING = "ASCENDING", "DESCENDING"


@dataclass(frozen=True, slots=True)
class Index:
    """Fields of a collection, each with its direction."""

    collection: str
    fields: tuple[tuple[str, str], ...]


def needed(query: Query, summed: Sequence[str] = ()) -> set[Index]:
    """The indexes for a query, or for sums of fields over what it selects.

    Equalities come first, by name, then the field of the range or the order. Several equalities
    alone could be merged out of one index a field, at the price of walking through lists as long
    as the collection; an index of their own is asked for instead. A sum reads its field out of
    the index.
    """
    collection = query.collection.split("/")[-1]
    equal = sorted({where.name for where in query.where if where.op in (Op.EQ, Op.IN)})
    ranged = [where.name for where in query.where if where.op not in (Op.EQ, Op.IN)]
    ordered = [
        (name.removeprefix("-"), DESCENDING if name.startswith("-") else ASCENDING)
        for name in query.order_by
    ] or [(name, ASCENDING) for name in dict.fromkeys(ranged)]
    first = [(name, ASCENDING) for name in equal]
    read = [[(name, ASCENDING)] for name in summed] or [[]]
    wanted = [(*first, *ordered, *last) for last in read]
    return {Index(collection, fields) for fields in wanted if fields}
