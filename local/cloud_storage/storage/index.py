"""The SQLite file of a state folder: buckets, and the live version of each object."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

from local.cloud_storage.objects.stored_object import Json, StoredObject
from local.cloud_storage.refusals import Refused
from local.sqlite_state import opened, transaction

SCHEMA_VERSION: Final = 1

_SCHEMA: Final = """
CREATE TABLE state (latest INTEGER NOT NULL);
INSERT INTO state VALUES (0);
CREATE TABLE bucket (name TEXT PRIMARY KEY, resource TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE object (
    bucket TEXT NOT NULL, name BLOB NOT NULL, generation INTEGER NOT NULL,
    metageneration INTEGER NOT NULL, size INTEGER NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (bucket, name)
) WITHOUT ROWID
"""
"""``state.latest`` is the latest generation given to anything."""

_COLUMNS: Final = "bucket, name, generation, metageneration, size, facts"

BEHIND_ALL: Final = b"\xff"
"""Behind all names, since UTF-8 has no byte 255."""


class Index:
    """A SQLite database in WAL mode, locked while it is open.

    With ``synchronous=NORMAL`` committed changes survive a kill; a power failure may lose the last
    ones.

    Raises:
        StateError: The file can't be used.
    """

    def __init__(self, path: Path) -> None:
        self._connection = opened(path, _SCHEMA, SCHEMA_VERSION)

    def close(self) -> None:
        """Write the journal to the file and close it."""
        self._connection.close()

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Commit all changes in the context together, or none on an exception.

        Raises:
            Refused: 507: The disk is full, or doesn't work; nothing has changed.
        """
        try:
            with transaction(self._connection):
                yield
        except sqlite3.OperationalError as error:
            message = f"The state can't be written: {error}"
            raise Refused(
                HTTPStatus.INSUFFICIENT_STORAGE, "insufficientStorage", message
            ) from error

    def new_generation(self) -> int:
        """A number above all earlier ones: microseconds since 1970, unless the clock went back."""
        execute = self._connection.execute
        (latest,) = execute("SELECT latest FROM state").fetchone()
        generation = max(time.time_ns() // 1000, int(latest) + 1)
        execute("UPDATE state SET latest = ?", (generation,))
        return generation

    def sizes(self) -> dict[int, int]:
        """The size of every object, by generation."""
        return dict(self._connection.execute("SELECT generation, size FROM object"))

    def forget(self, generations: set[int]) -> None:
        """Remove the objects with these generations."""
        with self.commit():
            self._connection.executemany(
                "DELETE FROM object WHERE generation = ?", [(each,) for each in generations]
            )

    # --- buckets --------------------------------------------------------------------------

    def bucket(self, name: str) -> Json | None:
        """A bucket's resource; None if there is no such bucket."""
        found = self._connection.execute("SELECT resource FROM bucket WHERE name = ?", (name,))
        row = found.fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def buckets(self, start: bytes, end: bytes | None) -> Iterator[tuple[bytes, Json]]:
        """The buckets with start <= name < end, by name."""
        for name, resource in self._connection.execute("SELECT * FROM bucket ORDER BY name"):
            if start <= name.encode() < (end or BEHIND_ALL):
                yield name.encode(), json.loads(resource)

    def put_bucket(self, resource: Json) -> None:
        """Create or replace a bucket, within a commit."""
        self._connection.execute(
            "INSERT OR REPLACE INTO bucket VALUES (?, ?)", (resource["name"], json.dumps(resource))
        )

    def delete_bucket(self, name: str) -> None:
        """Delete a bucket, within a commit."""
        self._connection.execute("DELETE FROM bucket WHERE name = ?", (name,))

    # --- objects --------------------------------------------------------------------------

    def object(self, bucket: str, name: bytes) -> StoredObject | None:
        """The live version of an object; None if there is none."""
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM object WHERE bucket = ? AND name = ?",  # noqa: S608 - constant
            (bucket, name),
        ).fetchone()
        return None if row is None else _stored(row)

    def objects(
        self, bucket: str, start: bytes, end: bytes | None
    ) -> Iterator[tuple[bytes, StoredObject]]:
        """The objects with start <= name < end, by name."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM object WHERE bucket = ? AND name >= ? "  # noqa: S608 - constant
            "AND name < ? ORDER BY name",
            (bucket, start, end or BEHIND_ALL),
        )
        return ((row[1], _stored(row)) for row in rows)

    def put(self, stored: StoredObject) -> None:
        """Create or replace an object, within a commit."""
        self._connection.execute(
            f"INSERT OR REPLACE INTO object ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                *(stored.bucket, stored.name.encode(), stored.generation),
                *(stored.metageneration, stored.size, json.dumps(stored.facts)),
            ),
        )

    def delete(self, stored: StoredObject) -> None:
        """Delete an object, within a commit."""
        self._connection.execute(
            "DELETE FROM object WHERE bucket = ? AND name = ?",
            (stored.bucket, stored.name.encode()),
        )


def _stored(row: tuple[str, bytes, int, int, int, str]) -> StoredObject:
    bucket, name, generation, metageneration, size, facts = row
    return StoredObject(bucket, name.decode(), generation, metageneration, size, json.loads(facts))
