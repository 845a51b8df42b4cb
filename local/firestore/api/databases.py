"""The databases of a server, which exist once they are named."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from local.firestore.engine.database import Database
from local.firestore.engine.expiry import delete_expired
from local.firestore.engine.history import History
from local.firestore.engine.transactions import Transaction, Transactions, contended
from local.firestore.indexes.index_set import IndexSet
from local.firestore.query.document import Micros
from local.firestore.storage.sqlite import SqliteBackend
from local.firestore.storage.state_file import StateFile
from local.firestore.wire.names import database_name

LOCK_PATIENCE: Final = 5.0
"""Seconds that a commit waits for the locks of older transactions before it is ABORTED."""

_LOOK_AGAIN: Final = 0.5
"""Seconds after which a waiting commit looks for transactions that have run out of time."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One database: its name, its documents, its transactions."""

    name: str
    backend: SqliteBackend
    database: Database
    transactions: Transactions
    waiting: asyncio.Condition

    async def locked(self, paths: Iterable[str], own: Transaction | None) -> None:
        """Return when no other transaction keeps these documents from being changed.

        Raises:
            Refused: ABORTED: another one keeps its locks, or took them from this one.
        """
        paths = [*paths]
        age = self.transactions.next_age() if own is None else own.age
        if not self.transactions.blockers(paths, age, own):
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LOCK_PATIENCE
        while self.transactions.blockers(paths, age, own):
            if loop.time() > deadline or (own is not None and own.is_aborted):
                raise contended()
            async with self.waiting:
                try:
                    await asyncio.wait_for(self.waiting.wait(), _LOOK_AGAIN)
                except TimeoutError:
                    continue
        if own is not None and own.is_aborted:
            raise contended()

    async def ended(self, transaction: bytes) -> None:
        """End a transaction; commits that wait for its locks go on."""
        self.transactions.end(transaction)
        async with self.waiting:
            self.waiting.notify_all()


class Databases:
    """All databases.

    Args:
        file: Keeps the documents.
        indexes: The indexes that queries need; None: they need none.
        clock: Microseconds since 1970.
    """

    def __init__(
        self, file: StateFile, indexes: IndexSet | None, clock: Callable[[], Micros]
    ) -> None:
        self._file = file
        self._indexes = indexes
        self._clock = clock
        self._started = max(clock(), file.latest)
        self._opened: dict[str, Opened] = {}

    def open(self, name: str) -> Opened:
        """The database of this name.

        Raises:
            Refused: INVALID_ARGUMENT: it is not the name of a database.
        """
        opened = self._opened.get(name)
        if opened is None:
            backend = SqliteBackend(self._file, database_name(name))
            history = History(self._started)
            database = Database(backend, self._clock, self._indexes, history)
            transactions = Transactions(self._clock)
            opened = Opened(name, backend, database, transactions, asyncio.Condition())
            self._opened[name] = opened
        return opened

    def delete_expired(self, delay: float) -> int:
        """Delete documents that ended ``delay`` seconds ago; return how many, 0 if none is left."""
        if self._indexes is None:
            return 0
        before = self._clock() - round(delay * 1_000_000)
        return sum(
            delete_expired(opened.backend, opened.database, self._indexes, before)
            for opened in map(self.open, self._file.databases())
        )
