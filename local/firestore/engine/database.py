"""One database: commits, reads, queries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from local.firestore.engine.applying import applied
from local.firestore.engine.backend import Backend
from local.firestore.engine.history import History
from local.firestore.engine.write import Write, Written
from local.firestore.indexes.index_set import IndexSet
from local.firestore.indexes.planning import plan
from local.firestore.indexes.scan import Scan, summand
from local.firestore.query.aggregation import Aggregation, aggregated, figure
from local.firestore.query.document import Micros, Stored
from local.firestore.query.ordering import whole_order
from local.firestore.query.query import EQUALITIES, Query, filters_of
from local.firestore.query.selection import select, select_sorted
from local.firestore.query.validity import check
from local.firestore.values.kinds import Value


def wall_clock() -> Micros:
    """The machine's time."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Committed:
    """The time of a commit, and the result of each of its writes."""

    time: Micros
    results: Sequence[Written]


class Database:
    """One database. Not safe to share between threads.

    Args:
        backend: Keeps the documents.
        clock: The time; it may go back, but the times of commits don't.
        indexes: The indexes that queries find; None serves every query without any.
        history: Remembers earlier versions for reads of the past; None remembers none.
    """

    def __init__(
        self,
        backend: Backend,
        clock: Callable[[], Micros] = wall_clock,
        indexes: IndexSet | None = None,
        history: History | None = None,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._indexes = indexes
        self._history = history
        self._read: Micros = 0

    def now(self) -> Micros:
        """The time of a read: that of the latest commit or later, and before that of the next."""
        self._read = max(self._read, self._backend.latest, self._clock())
        return self._read

    def commit(self, writes: Sequence[Write]) -> Committed:
        """Make all writes, one after the other, or none.

        Raises:
            Refused: See ``applied``.
        """
        at = max(self._backend.latest + 1, self._read + 1, self._clock())
        changes: dict[str, Stored | None] = {}
        before: dict[str, Stored | None] = {}
        results = []
        for write in writes:
            path = write.path
            if path not in changes:
                changes[path] = before[path] = self._backend.get(path)
            changes[path], values = applied(write, changes[path], at)
            results.append(Written(_version(changes[path]), tuple(values)))
        changed = {path: new for path, new in changes.items() if new is not before[path]}
        if changed:
            self._backend.apply(changed, at)
            if self._history is not None:
                self._history.remember(at, {path: before[path] for path in changed})
        return Committed(at, results)

    def get(self, path: str, at: Micros | None = None) -> Stored | None:
        """Read one document, as it is or was.

        Raises:
            Refused: The time is too long ago (FAILED_PRECONDITION).
        """
        found = self._backend.get(path)
        return found if at is None else self._past(at).get(path, found)

    def query(self, query: Query, at: Micros | None = None) -> list[Stored]:
        """The documents that match, in order.

        Raises:
            Refused: The query is invalid (INVALID_ARGUMENT), lacks its index, or asks for a time
                too long ago (FAILED_PRECONDITION).
        """
        check(query)
        planned = plan(query, self._indexes)
        if at is not None:
            return select(self._as_of(query, at), query)
        if planned is None:
            return select(self._all(query), query)
        if planned.is_sorted:
            found = self._backend.scan(planned.scans[0])
            return select_sorted(found, query, are_matches=planned.is_exact)
        first = _first(query)
        parts = [
            select_sorted(self._backend.scan(scan), first, are_matches=planned.is_exact)
            for scan in planned.scans
        ]
        by_path = {each.path: each for part in parts for each in part}
        return select(by_path.values(), query, are_matches=planned.is_exact)

    def aggregate(
        self, query: Query, aggregations: Sequence[Aggregation], at: Micros | None = None
    ) -> list[Value]:
        """Figures over the documents that match.

        Raises:
            Refused: See ``query``.
        """
        scans = None if at is not None else self._counted(query)
        if scans is None:
            found = self.query(query, at)
            return [aggregated(found, aggregation) for aggregation in aggregations]
        keys = [
            (scan, key) for scan in scans for key in islice(self._backend.keys(scan), query.limit)
        ]
        numbers: list[int | float] = []
        if query.summed:
            read = (summand(scan, key) for scan, key in keys)
            numbers = [number for number in read if number is not None]
        count = len(keys) if query.limit is None else min(len(keys), query.limit)
        return [figure(aggregation, count, numbers) for aggregation in aggregations]

    def _counted(self, query: Query) -> tuple[Scan, ...] | None:
        """The parts of indexes that tell the figures without the documents, if there are such."""
        check(query)
        planned = plan(query, self._indexes)
        if planned is None or not planned.is_exact or planned.scans[0].index is None:
            return None
        if query.start is not None or query.end is not None or query.offset:
            return None
        if query.summed:
            equal = {each.field for each in filters_of(query.where) if each.op in EQUALITIES}
            first, *others = whole_order(query)
            if query.limit is not None or query.summed != (first.field,) or len(others) > 1:
                return None
            if first.descending or first.field in equal:
                return None  # the field does not follow the prefix as it is
        return planned.scans

    def collection_ids(self, parent: str) -> list[str]:
        """The ids of the collections directly below a document, or the database; sorted."""
        return sorted({parts[0] for parts in self._below(parent)})

    def missing_ids(self, collection: str) -> list[str]:
        """The ids of a collection's documents that don't exist, but have documents below them."""
        ids = {parts[0] for parts in self._below(collection) if len(parts) > 1}
        return sorted(each for each in ids if self._backend.get(f"{collection}/{each}") is None)

    def _below(self, path: str) -> Iterable[list[str]]:
        start = f"{path}/" if path else ""
        for found in self._backend.collection_paths():
            if found.startswith(start):
                yield found[len(start) :].split("/")

    def _all(self, query: Query) -> Iterable[Stored]:
        if query.collection is not None and not query.descendants:
            return self._backend.collection(query.path)
        return self._backend.group(query.collection, query.parent, below=query.descendants)

    def _past(self, at: Micros) -> dict[str, Stored | None]:
        return {} if self._history is None else self._history.since(at)

    def _as_of(self, query: Query, at: Micros) -> Iterable[Stored]:
        past = self._past(at)
        unchanged = [each for each in self._all(query) if each.path not in past]
        return unchanged + [
            each for each in past.values() if each is not None and query.covers(each.path)
        ]


def _first(query: Query) -> Query:
    """The query of what may be a result, of each part that is read."""
    most = None if query.limit is None else query.offset + query.limit
    return replace(query, offset=0, limit=most)


def _version(document: Stored | None) -> Micros | None:
    return None if document is None else document.updated
