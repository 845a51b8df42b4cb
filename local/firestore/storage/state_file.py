"""The SQLite file behind all databases of a server: its schema, its lock, its commits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from local.firestore.indexes.index_set import Index, IndexSet, definition
from local.firestore.indexes.scan import keys
from local.firestore.query.document import Document, Micros
from local.firestore.refusals import Code, Refused
from local.firestore.wire.values import from_bytes
from local.sqlite_state import opened, transaction

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE state (latest INTEGER NOT NULL, indexes TEXT NOT NULL);
INSERT INTO state VALUES (0, '[]');
CREATE TABLE database (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE collection (
    key INTEGER PRIMARY KEY, database INTEGER NOT NULL, path TEXT NOT NULL, UNIQUE (database, path)
);
CREATE TABLE document (
    key INTEGER PRIMARY KEY, collection INTEGER NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (collection, id)
);
CREATE TABLE entry (
    idx INTEGER NOT NULL, scope INTEGER NOT NULL, key BLOB NOT NULL, document INTEGER NOT NULL,
    PRIMARY KEY (idx, scope, key)
) WITHOUT ROWID
"""
"""``scope`` is a collection's key; for an index over a collection group, minus the database's key.
Times are microseconds since 1970.
``state.indexes`` tells whether the entries are those of the configured indexes."""


class StateFile:
    """A SQLite database whose committed changes survive a kill; see ``sqlite_state.opened``.

    Args:
        path: The file, created if missing; None keeps everything in memory.
        indexes: The indexes that get entries; if they have changed, the entries are made anew.

    Attributes:
        connection: SQLite's connection. Only ``commit`` writes.
        latest: The time of the latest commit.

    Raises:
        StateError: The file can't be used.
    """

    def __init__(self, path: Path | None, indexes: IndexSet | None) -> None:
        self.latest: Micros = 0
        stored = () if indexes is None else (*indexes.configured(), *indexes.of_ends())
        self._numbers = {index: number for number, index in enumerate(dict.fromkeys(stored))}
        self._by_collection: dict[str, dict[int, Index]] = {}
        for index, number in self._numbers.items():
            self._by_collection.setdefault(index.collection, {})[number] = index
        self.connection = opened(path, _SCHEMA, SCHEMA_VERSION, self._prepare)

    def close(self) -> None:
        """Write the journal to the file and close it."""
        self.connection.close()

    @contextmanager
    def commit(self, at: Micros) -> Iterator[None]:
        """Commit all changes in the context together, or none on an exception.

        Raises:
            Refused: RESOURCE_EXHAUSTED: the disk is full, or doesn't work; nothing has changed.
        """
        try:
            with transaction(self.connection):
                yield
                self.connection.execute("UPDATE state SET latest = ?", (at,))
        except sqlite3.OperationalError as error:
            raise Refused(
                Code.RESOURCE_EXHAUSTED, f"The state can't be written: {error}"
            ) from error
        self.latest = at

    def databases(self) -> list[str]:
        """The names of all databases that have had documents."""
        return [name for (name,) in self.connection.execute("SELECT name FROM database")]

    def database_key(self, name: str) -> int:
        """The key of a database, which is created if there is none of this name."""
        execute = self.connection.execute
        execute("INSERT OR IGNORE INTO database (name) VALUES (?)", (name,))
        (key,) = execute("SELECT key FROM database WHERE name = ?", (name,)).fetchone()
        return int(key)

    def indexes_of(self, collection: str) -> Mapping[int, Index]:
        """The indexes of collections with this id, by their numbers."""
        return self._by_collection.get(collection, {})

    def number_of(self, index: Index) -> int:
        """An index's number in the table of entries."""
        return self._numbers[index]

    def add_collection(self, database: int, path: str) -> int:
        """Give a new collection its key, within a commit."""
        key = self.connection.execute(
            "INSERT INTO collection (database, path) VALUES (?, ?)", (database, path)
        ).lastrowid
        return int(key or 0)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        execute = connection.execute
        self.latest, indexes = execute("SELECT latest, indexes FROM state").fetchone()
        wanted = json.dumps([definition(index) for index in self._numbers])
        if indexes != wanted:
            self._make_entries(connection)
            execute("UPDATE state SET indexes = ?", (wanted,))

    def _make_entries(self, connection: sqlite3.Connection) -> None:
        execute = connection.execute
        execute("DELETE FROM entry")
        collections = execute("SELECT key, database, path FROM collection").fetchall()
        for scope, database, path in collections:
            indexes = self.indexes_of(path.rpartition("/")[2])
            if not indexes:
                continue
            rows = execute("SELECT key, id, body FROM document WHERE collection = ?", (scope,))
            for key, name, body in rows.fetchall():
                document = Document(f"{path}/{name}", from_bytes(body), 0, 0)
                entries = [
                    (number, -database if index.group else scope, each, key)
                    for number, index in indexes.items()
                    for each in keys(index, document)
                ]
                connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?)", entries)
