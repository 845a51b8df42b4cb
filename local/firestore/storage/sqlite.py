"""A backend in a SQLite file, or in SQLite's memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from local.firestore.engine.backend import Backend
from local.firestore.indexes.index_set import Index
from local.firestore.indexes.scan import Scan, keys
from local.firestore.query.document import Micros, Stored
from local.firestore.storage.state_file import StateFile
from local.firestore.values.kinds import Fields
from local.firestore.wire.values import as_bytes, from_bytes

_COLUMNS = "d.id, d.body, d.created, d.updated"


class Row:
    """A stored document, whose fields are decoded when they are asked for.

    Attributes:
        path: Its path below the database.
        body: Its fields as bytes.
        created: When it was created.
        updated: Its version.
    """

    __slots__ = ("_fields", "body", "created", "path", "updated")

    def __init__(self, path: str, body: bytes, created: Micros, updated: Micros) -> None:
        self.path = path
        self.body = body
        self.created = created
        self.updated = updated
        self._fields: Fields | None = None

    @property
    def fields(self) -> Fields:
        """Its fields, which nobody may change."""
        if self._fields is None:
            self._fields = from_bytes(self.body)
        return self._fields


class SqliteBackend(Backend):
    """The documents of one database in a state file."""

    def __init__(self, file: StateFile, database: str) -> None:
        self._file = file
        self._db = file.connection
        self._database = file.database_key(database)
        self._ids: dict[str, int] = {}
        self._paths: dict[int, str] = {}
        self._read_collections()

    @property
    def latest(self) -> Micros:
        """See ``Backend``; all databases of a file share it."""
        return self._file.latest

    def get(self, path: str) -> Row | None:
        """See ``Backend``."""
        collection, _, name = path.rpartition("/")
        key = self._ids.get(collection)
        if key is None:
            return None
        found = self._db.execute(
            "SELECT body, created, updated FROM document WHERE collection = ? AND id = ?",
            (key, name),
        ).fetchone()
        return None if found is None else Row(path, *found)

    def collection(self, path: str) -> Iterator[Row]:
        """See ``Backend``; they come by their names."""
        return self._by_name(path, "")

    def group(self, collection: str | None, parent: str, *, below: bool) -> Iterator[Row]:
        """See ``Backend``."""
        for path in [*self._ids]:
            above, _, name = path.rpartition("/")
            is_below = above == parent or (below and (not parent or above.startswith(f"{parent}/")))
            if is_below and collection in (None, name):
                yield from self.collection(path)

    def scan(self, scan: Scan) -> Iterator[Row]:
        """See ``Backend``."""
        if scan.index is None:
            yield from self._by_name(scan.scope, scan.first)
            return
        condition, values = self._entries_in(scan)
        rows = self._db.execute(
            f"SELECT d.collection, {_COLUMNS} FROM entry e JOIN document d ON d.key = e.document "  # noqa: S608 - no input
            f"WHERE {condition} ORDER BY e.key",
            values,
        )
        for collection, name, body, created, updated in rows:
            yield Row(f"{self._paths[collection]}/{name}", body, created, updated)

    def keys(self, scan: Scan) -> Iterator[bytes]:
        """See ``Backend``."""
        condition, values = self._entries_in(scan)
        rows = self._db.execute(
            f"SELECT e.key FROM entry e WHERE {condition} ORDER BY e.key",  # noqa: S608 - no input
            values,
        )
        return (key for (key,) in rows)

    def _entries_in(self, scan: Scan) -> tuple[str, list[int | bytes]]:
        """The condition on the entries of a part of an index, and its values."""
        if scan.index is None:
            raise ValueError("a scan by name has no entries")
        scope = -self._database if scan.index.group else self._ids.get(scan.scope, 0)
        condition = "e.idx = ? AND e.scope = ? AND e.key >= ?"
        values: list[int | bytes] = [self._file.number_of(scan.index), scope, scan.low]
        if scan.high is None:
            return condition, values
        return f"{condition} AND e.key < ?", [*values, scan.high]

    def collection_paths(self) -> list[str]:
        """See ``Backend``."""
        filled = self._db.execute(
            "SELECT path FROM collection c WHERE database = ? AND EXISTS "
            "(SELECT 1 FROM document WHERE collection = c.key)",
            (self._database,),
        )
        return [path for (path,) in filled]

    def apply(self, changes: Mapping[str, Stored | None], at: Micros) -> None:
        """See ``Backend``."""
        try:
            with self._file.commit(at):
                for path, document in changes.items():
                    self._apply(path, document)
        except BaseException:
            self._read_collections()  # new ones have been rolled back
            raise

    def _read_collections(self) -> None:
        found = self._db.execute(
            "SELECT path, key FROM collection WHERE database = ?", (self._database,)
        )
        self._ids = dict(found.fetchall())
        self._paths = {key: path for path, key in self._ids.items()}

    def _by_name(self, path: str, start: str) -> Iterator[Row]:
        key = self._ids.get(path)
        if key is None:
            return
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM document d WHERE collection = ? AND id >= ? ORDER BY id",  # noqa: S608 - no input
            (key, start),
        )
        for name, body, created, updated in rows:
            yield Row(f"{path}/{name}", body, created, updated)

    def _apply(self, path: str, document: Stored | None) -> None:
        collection, _, name = path.rpartition("/")
        scope = self._collection_key(collection)
        known = self._db.execute(
            "SELECT key, body, created, updated FROM document WHERE collection = ? AND id = ?",
            (scope, name),
        ).fetchone()
        indexes = self._file.indexes_of(collection.rpartition("/")[2])
        old = set() if known is None else self._entries(Row(path, *known[1:]), indexes, scope)
        new = set() if document is None else self._entries(document, indexes, scope)
        key = self._stored(scope, name, None if known is None else known[0], document)
        if gone := old - new:
            self._db.executemany("DELETE FROM entry WHERE idx = ? AND scope = ? AND key = ?", gone)
        if came := new - old:
            rows = [(*entry, key) for entry in came]
            self._db.executemany("INSERT INTO entry VALUES (?, ?, ?, ?)", rows)

    def _stored(
        self, scope: int, name: str, key: int | None, document: Stored | None
    ) -> int | None:
        """Store or delete a document; return its key."""
        if document is None:
            self._db.execute("DELETE FROM document WHERE key = ?", (key,))
            return key
        row = (as_bytes(document.fields), document.created, document.updated)
        if key is not None:
            self._db.execute(
                "UPDATE document SET body = ?, created = ?, updated = ? WHERE key = ?", (*row, key)
            )
            return key
        return self._db.execute(
            "INSERT INTO document (collection, id, body, created, updated) VALUES (?, ?, ?, ?, ?)",
            (scope, name, *row),
        ).lastrowid

    def _entries(
        self, document: Stored, indexes: Mapping[int, Index], scope: int
    ) -> set[tuple[int, int, bytes]]:
        return {
            (number, -self._database if index.group else scope, key)
            for number, index in indexes.items()
            for key in keys(index, document)
        }

    def _collection_key(self, path: str) -> int:
        key = self._ids.get(path)
        if key is None:
            key = self._file.add_collection(self._database, path)
            self._ids[path] = key
            self._paths[key] = path
        return key
