"""Keeps records and contents in SQLite, in a state file or in a temporary file.

Every request is one transaction, committed before its reply. The write-ahead log is not synced on
each commit, so committed requests survive a kill of the process but not a power failure.
"""

from __future__ import annotations

import bisect
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from dataclasses import Field

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, name)
);
CREATE TABLE IF NOT EXISTS contents (
    owner TEXT NOT NULL,
    position INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (owner, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class Record(Protocol):
    """A frozen dataclass of JSON values, identified by its name."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def name(self) -> str:
        """The key of the record."""
        ...


R = TypeVar("R", bound=Record)


class Database:
    """The connection, with transactions and counters."""

    def __init__(self, path: Path | None = None) -> None:
        # "" is a temporary database on disk that SQLite deletes.
        self.connection = sqlite3.connect(
            "" if path is None else path, timeout=0, isolation_level=None, check_same_thread=False
        )
        # Only one server may use a state file; a second one fails here.
        self.connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        # A temporary database needs no journal, which would be kept in memory.
        self.connection.execute(f"PRAGMA journal_mode = {'WAL' if path else 'OFF'}")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, even after an error, so that the file matches what is in memory.

        Raises:
            sqlite3.OperationalError: The file can't be written, and has nothing of this; what is
                in memory must be loaded anew.
        """
        execute = self.connection.execute
        try:
            execute("BEGIN")
            try:
                yield
            except sqlite3.OperationalError:
                raise
            except BaseException:
                execute("COMMIT")
                raise
            execute("COMMIT")
        except sqlite3.OperationalError:
            if self.connection.in_transaction:
                execute("ROLLBACK")
            raise

    def counter(self, name: str) -> int:
        """Return a counter; 0 if it was never set."""
        row = self.connection.execute(
            "SELECT value FROM counters WHERE name = ?", (name,)
        ).fetchone()
        return int(row[0]) if row else 0

    def set_counter(self, name: str, value: int) -> None:
        """Set a counter."""
        self.connection.execute("INSERT OR REPLACE INTO counters VALUES (?, ?)", (name, value))

    def clear(self) -> None:
        """Delete everything."""
        for table in ("records", "contents", "counters"):
            self.connection.execute(f"DELETE FROM {table}")  # noqa: S608 - three fixed names

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class Table(Generic[R]):
    """The records of one type, cached in memory in order of insertion, written through."""

    def __init__(self, database: Database, record_type: type[R]) -> None:
        self._connection = database.connection
        self._kind = record_type.__name__
        self._records: dict[str, R] = {}
        self._sequences: dict[str, int] = {}
        self._order: dict[str, list[int]] = {}
        self._names: dict[int, str] = {}
        rows = self._connection.execute(
            "SELECT sequence, parent, body FROM records WHERE kind = ? ORDER BY sequence",
            (self._kind,),
        )
        for sequence, parent, body in rows:
            self._remember(sequence, parent, record_type(**json.loads(body)))

    def get(self, name: str) -> R | None:
        """Return a record, or None."""
        return self._records.get(name)

    def add(self, record: R, parent: str = "") -> None:
        """Add a record with a new name, as the last of `parent`."""
        cursor = self._connection.execute(
            "INSERT INTO records (kind, parent, name, body) VALUES (?, ?, ?, ?)",
            (self._kind, parent, record.name, self._encode(record)),
        )
        assert cursor.lastrowid is not None  # noqa: S101 - an INSERT always has one
        self._remember(cursor.lastrowid, parent, record)

    def replace(self, record: R) -> None:
        """Replace an existing record; it keeps its position."""
        self._connection.execute(
            "UPDATE records SET body = ? WHERE sequence = ?",
            (self._encode(record), self._sequences[record.name]),
        )
        self._records[record.name] = record

    def remove(self, name: str, parent: str = "") -> None:
        """Delete an existing record."""
        sequence = self._sequences.pop(name)
        self._connection.execute("DELETE FROM records WHERE sequence = ?", (sequence,))
        del self._records[name]
        del self._names[sequence]
        order = self._order[parent]
        del order[bisect.bisect_left(order, sequence)]

    def page(self, parent: str = "", *, after: int = 0) -> Iterator[tuple[int, R]]:
        """Yield sequence numbers above `after` and their records of `parent`, oldest first."""
        order = self._order.get(parent, [])
        for index in range(bisect.bisect_right(order, after), len(order)):
            sequence = order[index]
            yield sequence, self._records[self._names[sequence]]

    def of(self, parent: str) -> list[R]:
        """Return all records of `parent`, oldest first."""
        return [record for _, record in self.page(parent)]

    def __iter__(self) -> Iterator[R]:
        return iter(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    def _remember(self, sequence: int, parent: str, record: R) -> None:
        self._records[record.name] = record
        self._sequences[record.name] = sequence
        self._names[sequence] = record.name
        self._order.setdefault(parent, []).append(sequence)

    @staticmethod
    def _encode(record: R) -> str:
        return json.dumps(asdict(record))


class Contents:
    """Bytes by owner: the chunks of an upload, or the beginning of a file or document."""

    def __init__(self, database: Database) -> None:
        self._connection = database.connection

    def put(self, owner: str, data: bytes, position: int = 0) -> None:
        """Save `data` as the part of the owner's content that begins at `position`."""
        self._connection.execute(
            "INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", (owner, position, data)
        )

    def parts(self, owner: str) -> Iterator[bytes]:
        """Yield the parts in order."""
        rows = self._connection.execute(
            "SELECT data FROM contents WHERE owner = ? ORDER BY position", (owner,)
        )
        for (data,) in rows:
            yield data

    def read(self, owner: str) -> bytes:
        """Return all bytes of an owner."""
        return b"".join(self.parts(owner))

    def copy(self, owner: str, to: str) -> None:
        """Copy the bytes to another owner."""
        self._connection.execute(
            "INSERT OR REPLACE INTO contents SELECT ?, position, data FROM contents"
            " WHERE owner = ?",
            (to, owner),
        )

    def drop(self, owner: str) -> None:
        """Delete the bytes of an owner."""
        self._connection.execute("DELETE FROM contents WHERE owner = ?", (owner,))
