"""The indexes that the project's queries are to have, by the rules of ``local/firestore/indexes``.

The house asks for more than the service: each query, and each sum, has one index of its own, so
that no list as long as the collection is walked through to merge two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from local.firestore.indexes.index_set import Index as StoredIndex
from local.firestore.indexes.index_set import IndexSet
from local.firestore.indexes.rules import missing, own_index, shapes
from local.firestore.query.field_path import formatted
from shared.gateways.ports import Query
from tests.twins.engine_query import engine_query

ASCENDING, DESCENDING = "ASCENDING", "DESCENDING"


@dataclass(frozen=True, slots=True)
class Index:
    """Fields of a collection, each with its direction."""

    collection: str
    fields: tuple[tuple[str, str], ...]


def needed(query: Query, summed: Sequence[str] = ()) -> set[Index]:
    """The indexes that the house asks for: of a query, or of sums over what it selects."""
    each_alone: list[list[str]] = [[name] for name in summed] or [[]]
    wanted = [
        own_index(shape) for names in each_alone for shape in shapes(engine_query(query, names))
    ]
    return {as_text(index) for index in wanted if index is not None}


def as_text(index: StoredIndex) -> Index:
    """The index with its fields as Terraform writes them."""
    fields = tuple((formatted(path), mode.value) for path, mode in index.fields)
    return Index(index.collection, fields)


def refusals(query: Query, summed: Sequence[str], indexes: IndexSet) -> list[str]:
    """What the service would say to the query, or to each of the sums."""
    each_alone: list[list[str]] = [[name] for name in summed] or [[]]
    found = [missing(engine_query(query, names), indexes) for names in each_alone]
    return [refusal.message for refusal in found if refusal is not None]
