"""Transactions with pessimistic concurrency: what one has read, others can't change until it ends.

A transaction locks the documents it has read, and the collections it has queried. A commit that
would change them waits, or takes the lock away: the older of two transactions wins, so there is no
deadlock, and a transaction that is tried again keeps its age, so it wins in the end ("wound-wait";
the service's documentation says only that one of them is aborted).

Source: Firestore, "Transaction serializability and isolation"; "Quotas and limits" for the times.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from local.firestore.query.document import Micros
from local.firestore.query.query import Query
from local.firestore.refusals import Refused, aborted, invalid

IDLE_LIMIT: Final = 60_000_000
TIME_LIMIT: Final = 270_000_000
"""Microseconds without a request, and in all, after which a transaction has ended."""

_REMEMBERED: Final = 10_000


@dataclass(slots=True)
class Transaction:
    """A transaction in progress.

    Attributes:
        name: Its id.
        age: The greater, the younger.
        read_time: The time at which a read-only transaction reads; None: it may write.
        began: When it began.
        used: When the latest request came.
        documents: The paths that it has read.
        queries: The queries that it has made.
        is_aborted: Whether an older one took its locks.
    """

    name: bytes
    age: int
    read_time: Micros | None
    began: Micros
    used: Micros
    documents: set[str] = field(default_factory=set)
    queries: list[Query] = field(default_factory=list)
    is_aborted: bool = False

    def holds(self, path: str) -> bool:
        """Whether it has read a document, or could have found it by a query."""
        return path in self.documents or any(query.covers(path) for query in self.queries)


class Transactions:
    """The transactions of one database."""

    def __init__(self, clock: Callable[[], Micros]) -> None:
        self._clock = clock
        self._open: dict[bytes, Transaction] = {}
        self._ages: dict[bytes, int] = {}
        self._youngest = 0

    def begin(self, *, read_time: Micros | None = None, retried: bytes = b"") -> Transaction:
        """Begin a transaction; one that is tried again has the age of the first try."""
        now = self._clock()
        age = self._ages.get(retried) or self.next_age()
        begun = Transaction(secrets.token_bytes(12), age, read_time, now, now)
        self._open[begun.name] = begun
        self._ages[begun.name] = age
        while len(self._ages) > _REMEMBERED:
            del self._ages[next(iter(self._ages))]
        return begun

    def next_age(self) -> int:
        """The age of what begins now."""
        self._youngest += 1
        return self._youngest

    def used(self, name: bytes) -> Transaction:
        """A transaction in progress, for a request of it.

        Raises:
            Refused: INVALID_ARGUMENT: it has ended, or never was. ABORTED: an older one won.
        """
        self._end_old()
        found = self._open.get(name)
        if found is None:
            raise invalid("Transaction is invalid or closed.")
        if found.is_aborted:
            del self._open[name]
            raise contended()
        found.used = self._clock()
        return found

    def end(self, name: bytes) -> None:
        """End a transaction and give its locks back."""
        self._open.pop(name, None)

    def blockers(
        self, paths: Iterable[str], age: int, own: Transaction | None
    ) -> list[Transaction]:
        """The older transactions that a change of these documents must wait for.

        Younger ones lose their locks at once.
        """
        self._end_old()
        paths = [*paths]
        older = []
        for each in self._open.values():
            if each is own or each.is_aborted or not any(map(each.holds, paths)):
                continue
            if each.age < age:
                older.append(each)
            else:
                each.is_aborted = True
        return older

    def _end_old(self) -> None:
        now = self._clock()
        for each in [*self._open.values()]:
            if now - each.used > IDLE_LIMIT or now - each.began > TIME_LIMIT:
                del self._open[each.name]


def contended() -> Refused:
    """The refusal of what lost to another transaction."""
    return aborted("Too much contention on these documents. Please try again.")
