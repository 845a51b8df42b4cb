"""The results of a query over given documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from local.firestore.query.document import Stored
from local.firestore.query.filters import test_of
from local.firestore.query.ordering import after_start, before_end, in_order, keys_of, whole_order
from local.firestore.query.query import Query


def select(documents: Iterable[Stored], query: Query, *, are_matches: bool = False) -> list[Stored]:
    """The documents that match, in order, within the query's cursors, offset and limit.

    Args:
        documents: Those to choose from.
        query: The query.
        are_matches: Whether all of them meet the condition and have the fields of the order.
    """
    return list(_part(iter(_sorted(documents, query, are_matches=are_matches)), query))


def select_sorted(
    documents: Iterable[Stored], query: Query, *, are_matches: bool = False
) -> list[Stored]:
    """As ``select``, of documents that come in the query's order; reads no more than are needed."""
    if are_matches and query.start is None and query.end is None:
        return list(_part(iter(documents), query))
    return list(_part(_matching_sorted(documents, query), query))


def _sorted(documents: Iterable[Stored], query: Query, *, are_matches: bool) -> list[Stored]:
    order = whole_order(query)
    test = None if query.where is None or are_matches else test_of(query.where)
    matching = documents if test is None else (each for each in documents if test(each))
    if len(order) == 1 and not query.descendants and query.start is None and query.end is None:
        # Paths within one collection are ordered as the ids are.
        return sorted(matching, key=lambda each: each.path, reverse=order[0].descending)
    keys = keys_of(order)
    found = [(key, each) for each in matching if (key := keys(each)) is not None]
    if query.start is not None:
        after = after_start(query.start, order)
        found = [pair for pair in found if after(pair[0])]
    if query.end is not None:
        before = before_end(query.end, order)
        found = [pair for pair in found if before(pair[0])]
    in_order(found, order)
    return [each for _, each in found]


def _matching_sorted(documents: Iterable[Stored], query: Query) -> Iterator[Stored]:
    order = whole_order(query)
    keys = keys_of(order)
    test = None if query.where is None else test_of(query.where)
    after = None if query.start is None else after_start(query.start, order)
    before = None if query.end is None else before_end(query.end, order)
    for each in documents:
        if test is not None and not test(each):
            continue
        key = keys(each)
        if key is None or (after is not None and not after(key)):
            continue
        if before is not None and not before(key):
            return
        yield each


def _part(found: Iterator[Stored], query: Query) -> Iterator[Stored]:
    stop = None if query.limit is None else query.offset + query.limit
    return islice(found, query.offset, stop)
