"""Which indexes a query needs.

``serving`` says what the service needs at least. ``own_index`` says which single index serves a
query without merging: a project can ask its queries to have that one, since a merge walks through
lists that may be as long as the collection.

Source: Firestore, "Index types in Cloud Firestore" (automatic and composite indexes, index merging,
``in`` as several equalities), "Query with range and inequality filters on multiple fields", and
"Aggregation queries" (a sum reads its field out of the index).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from local.firestore.indexes.index_set import Index, IndexSet, Mode, definition
from local.firestore.query.field_path import NAME, FieldPath, formatted
from local.firestore.query.normal_form import Alternative, disjunctions
from local.firestore.query.ordering import whole_order
from local.firestore.query.query import ARRAYS, EQUALITIES, Query
from local.firestore.query.validity import MAX_DISJUNCTIONS
from local.firestore.refusals import Refused, failed_precondition


@dataclass(frozen=True, slots=True)
class Shape:
    """What matters of one alternative of a query.

    Attributes:
        collection: The collections' id.
        group: Whether it asks for a collection group.
        equal: The fields of equalities.
        array: The fields of which an element is asked for.
        order: The whole order, without the fields of equalities; it ends with the name.
    """

    collection: str
    group: bool
    equal: frozenset[FieldPath]
    array: frozenset[FieldPath]
    order: tuple[tuple[FieldPath, Mode], ...]

    @property
    def prefix(self) -> frozenset[FieldPath]:
        """The fields that may stand before the order in an index, in any direction."""
        return self.equal | self.array


def shapes(query: Query) -> list[Shape]:
    """The shapes of all alternatives, each once."""
    alternatives = disjunctions(query.where, MAX_DISJUNCTIONS) or [()]
    return list(dict.fromkeys(shape(query, each) for each in alternatives))


def shape(query: Query, alternative: Alternative) -> Shape:
    """The shape of one alternative."""
    equal = frozenset(each.field for each in alternative if each.op in EQUALITIES) - {NAME}
    return Shape(
        str(query.collection),
        query.descendants,
        equal,
        frozenset(each.field for each in alternative if each.op in ARRAYS),
        tuple(
            (each.field, Mode.DESCENDING if each.descending else Mode.ASCENDING)
            for each in whole_order(query)
            if each.field not in equal
        ),
    )


def serving(wanted: Shape, indexes: IndexSet) -> tuple[Index, ...] | None:
    """The indexes that together serve a shape, the widest first; None if there are none.

    An index takes part if it ends with the whole order and begins with fields of equalities.
    Several are merged: all list the names in the same order, so what is in all of them can be
    found.
    """
    if wanted not in indexes.served:
        indexes.served[wanted] = _serving(wanted, indexes)
    found: tuple[Index, ...] | None = indexes.served[wanted]
    return found


def _serving(wanted: Shape, indexes: IndexSet) -> tuple[Index, ...] | None:
    if not wanted.prefix and len(wanted.order) == 1 and wanted.order[0][1] is Mode.ASCENDING:
        return ()
    usable = [index for index in _candidates(wanted, indexes) if _takes_part(index, wanted)]
    usable.sort(key=lambda index: len(index.fields), reverse=True)
    chosen: list[Index] = []
    covered: set[FieldPath] = set()
    for index in usable:
        fields = {path for path, _ in index.fields} & wanted.prefix
        if not chosen or not fields <= covered:
            chosen.append(index)
            covered |= fields
    return tuple(chosen) if chosen and covered == wanted.prefix else None


def own_index(wanted: Shape) -> Index | None:
    """The index that serves a shape alone: equalities by name, then the order; None: no need."""
    fields = [
        *((path, Mode.CONTAINS) for path in sorted(wanted.array)),
        *((path, Mode.ASCENDING) for path in sorted(wanted.equal, key=formatted)),
        *wanted.order,
    ]
    implied = fields[-2][1] if len(fields) > 1 else Mode.ASCENDING
    if fields[-1] == (NAME, Mode.ASCENDING if implied is Mode.CONTAINS else implied):
        fields.pop()
    return Index(wanted.collection, tuple(fields), wanted.group) if fields else None


def missing(query: Query, indexes: IndexSet) -> Refused | None:
    """The refusal of a query that lacks an index, which says what to add; None if it has them."""
    lacking = [each for each in shapes(query) if serving(each, indexes) is None]
    wanted = [index for each in lacking if (index := own_index(each)) is not None]
    if not wanted:
        return None
    told = "; ".join(map(_advice, dict.fromkeys(wanted)))
    return failed_precondition(f"The query requires an index that is not defined. Add {told}")


def _advice(index: Index) -> str:
    if len(index.fields) > 1:
        return f"the composite index {index}; in JSON: {json.dumps(definition(index))}"
    return f"the single-field index {index}"


def _candidates(wanted: Shape, indexes: IndexSet) -> Iterator[Index]:
    for index in indexes.composites:
        if index.collection == wanted.collection and index.group == wanted.group:
            yield index
    for path in _single_fields(wanted):
        for mode, group in indexes.single(wanted.collection, path):
            if group == wanted.group:
                yield Index(wanted.collection, ((path, mode),), group)


def _single_fields(wanted: Shape) -> Iterable[FieldPath]:
    return wanted.prefix if len(wanted.order) == 1 else [wanted.order[0][0]]


def _takes_part(index: Index, wanted: Shape) -> bool:
    whole = index.whole
    first = len(whole) - len(wanted.order)
    if first < 0 or whole[first:] != wanted.order:
        return False
    paths = [path for path, _ in whole[:first]]
    return len(set(paths)) == len(paths) and all(
        path in (wanted.array if mode is Mode.CONTAINS else wanted.equal)
        for path, mode in whole[:first]
    )
