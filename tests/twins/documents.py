"""In-memory twin of Firestore: versions, atomic conditional commits, and its order of queries."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.errors import AlreadyExists, BadRequest, Conflict
from shared.gateways.database.document_rules import (
    FieldValue,
    billed_entries,
    check_commit,
    check_document_path,
    check_query,
    check_sums,
    is_number,
    storable_fields,
)
from shared.gateways.ports import (
    Clock,
    Create,
    Delete,
    Fields,
    Query,
    Snapshot,
    Update,
    Write,
)
from tests.twins.document_query import getter, select

MAX_DOCUMENT_BYTES: Final = 1_048_576
"""Most bytes of a document. Source: Firestore, quotas and limits."""

_CONTAINERS = (dict, list)


@dataclass(frozen=True, slots=True)
class _Stored:
    fields: Fields
    version: int


class MemoryDocuments:
    """``DocumentStore`` in memory. Safe to share between threads.

    Attributes:
        reads: Documents read so far, as Firestore would bill them.
        writes: Documents written or deleted so far.
    """

    def __init__(self, clock: Clock) -> None:
        self.reads = 0
        self.writes = 0
        self._clock = clock
        self._latest = clock.now()
        self._commits = 0
        self._collections: defaultdict[str, dict[str, _Stored]] = defaultdict(dict)
        self._lock = threading.Lock()

    def get(self, path: str) -> Snapshot:
        """Read one document."""
        return self.get_all([path])[path]

    def get_all(self, paths: Sequence[str]) -> dict[str, Snapshot]:
        """Read several documents as of the same time."""
        for path in paths:
            check_document_path(path)
        with self._lock:
            read_time = self._read_time()
            snapshots = {path: _snapshot(path, self._find(path), read_time) for path in paths}
            self.reads += len(snapshots)
        return snapshots

    def commit(self, writes: Sequence[Write]) -> list[object]:
        """Apply all writes or none."""
        check_commit(writes)
        with self._lock:
            commit = self._commits + 1
            results = [_applied(write, self._find(write.path), commit) for write in writes]
            for write, result in zip(writes, results, strict=True):
                collection, _, document_id = write.path.rpartition("/")
                if result is None:
                    self._collections[collection].pop(document_id, None)
                else:
                    self._collections[collection][document_id] = result
            self._commits = commit
            self.writes += len(writes)
        return [None if result is None else result.version for result in results]

    def query(self, query: Query) -> list[Snapshot]:
        """The documents that match, in order."""
        check_query(query)
        with self._lock:
            read_time = self._read_time()
            collection = self._collections[query.collection]
            snapshots = [
                _snapshot(f"{query.collection}/{document_id}", collection[document_id], read_time)
                for document_id in select(self._fields(query), query)
            ]
            self.reads += max(1, len(snapshots))
        return snapshots

    def count(self, query: Query) -> int:
        """Number of documents that match, but at most ``limit``."""
        check_query(query, ordered=False)
        with self._lock:
            matches = len(select(self._fields(query), query))
            self.reads += billed_entries(matches)
        return matches

    def sums(self, query: Query, names: Sequence[str]) -> dict[str, float]:
        """Sums of fields over the documents that match, by field."""
        check_sums(query)
        sums: dict[str, float] = {}
        with self._lock:
            documents = self._fields(query)
            for name in names:
                read = getter(name)
                values = [read(documents[document_id]) for document_id in select(documents, query)]
                sums[name] = sum(value for value in values if is_number(value))
            self.reads += len(sums)
        return sums

    def _read_time(self) -> datetime:
        """The database's clock, which never goes back, even if the given clock does."""
        self._latest = max(self._latest, self._clock.now())
        return self._latest

    def _find(self, path: str) -> _Stored | None:
        collection, _, document_id = path.rpartition("/")
        return self._collections[collection].get(document_id)

    def _fields(self, query: Query) -> dict[str, Fields]:
        stored = self._collections[query.collection]
        return {document_id: document.fields for document_id, document in stored.items()}


def _snapshot(path: str, stored: _Stored | None, read_time: datetime) -> Snapshot:
    if stored is None:
        return Snapshot(path, None, None, read_time)
    return Snapshot(path, _copy(stored.fields), stored.version, read_time)


def _copy(value: FieldValue) -> FieldValue:
    if type(value) is dict:
        return {
            key: _copy(item) if type(item) in _CONTAINERS else item for key, item in value.items()
        }
    if type(value) is list:
        return [_copy(item) for item in value]
    return value


def _applied(write: Write, before: _Stored | None, commit: int) -> _Stored | None:
    """The document after the write; None if it is deleted. ``commit`` is the commit's number."""
    base: Fields = {}
    match write:
        case Create() if before is not None:
            raise AlreadyExists(write.path)
        case Update() if before is None:
            raise Conflict(f"{write.path} is missing")
        case Update() | Delete() if write.if_version is not None and (
            before is None or before.version != write.if_version
        ):
            raise Conflict(f"{write.path} has changed")
        case Delete():
            return None
        case Update() if before is not None:
            base = before.fields
        case _:
            pass  # Create and Put start from an empty document

    fields = {**base, **storable_fields(write.fields)}
    if _document_bytes(write.path, fields) > MAX_DOCUMENT_BYTES:
        detail = f"{write.path} would be larger than {MAX_DOCUMENT_BYTES} bytes"
        raise BadRequest("commit", code=400, status="INVALID_ARGUMENT", detail=detail)
    if before is not None and _is_identical(before.fields, fields):
        return before  # as in Firestore: writing the same fields makes no new version
    return _Stored(fields, commit)


def _is_identical(one: FieldValue, other: FieldValue) -> bool:
    """Whether both are equal in value and type: 1, 1.0 and True differ."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            item is other[key] or _is_identical(item, other[key]) for key, item in one.items()
        )
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_identical, one, other))
    return bool(one == other)


def _document_bytes(path: str, fields: Fields) -> int:
    """Size in bytes. Source: Firestore, storage size calculations."""
    name = sum(len(part.encode()) + 1 for part in path.split("/")) + 16
    return name + _value_bytes(fields) + 32


def _value_bytes(value: FieldValue) -> int:
    match value:
        case str():
            return len(value.encode()) + 1
        case None | bool():
            return 1
        case dict():
            return sum(len(key.encode()) + 1 + _value_bytes(item) for key, item in value.items())
        case list():
            return sum(map(_value_bytes, value))
        case _:
            return 8
