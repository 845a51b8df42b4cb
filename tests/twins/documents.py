"""In-memory twin of Firestore: the local Firestore's engine in process, over plain dictionaries."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from local.firestore.engine.database import Database
from local.firestore.engine.write import Write as EngineWrite
from local.firestore.indexes.index_set import IndexSet
from local.firestore.indexes.rules import missing
from local.firestore.query.aggregation import Aggregation, Kind
from local.firestore.query.document import Document, Stored
from local.firestore.query.field_path import parsed
from local.firestore.query.query import Query as EngineQuery
from local.firestore.refusals import Code, Refused
from local.firestore.storage.memory import MemoryBackend
from local.firestore.values.kinds import copied
from shared.domain.errors import AlreadyExists, BadRequest, Conflict, SyncError
from shared.gateways.database.document_rules import (
    billed_entries,
    check_commit,
    check_document_path,
    check_query,
    check_sums,
    storable_fields,
)
from shared.gateways.ports import (
    Clock,
    Create,
    Delete,
    Put,
    Query,
    Snapshot,
    Update,
    Write,
)
from tests.twins.engine_query import engine_query
from tests.twins.sorted_backend import SortedBackend


class MemoryDocuments:
    """``DocumentStore`` in memory. Safe to share between threads.

    Versions are the numbers of commits, so a simulated run has the same ones each time.

    Args:
        clock: The time of reads.
        indexes: The indexes that queries need; None: they need none.
        are_many: Whether to keep the indexes' entries, which pays from a thousand documents on.

    Attributes:
        reads: Documents read so far, as Firestore would bill them.
        writes: Documents written or deleted so far.
    """

    def __init__(
        self, clock: Clock, indexes: IndexSet | None = None, *, are_many: bool = False
    ) -> None:
        self._indexes = indexes
        self.reads = 0
        self.writes = 0
        self._clock = clock
        self._latest = clock.now()
        self._backend = SortedBackend() if are_many else MemoryBackend()
        used = indexes if are_many else None
        self._database = Database(self._backend, clock=lambda: 0, indexes=used)
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
        translated = [_translated(write) for write in writes]
        with self._lock:
            try:
                results = self._database.commit(translated).results
            except Refused as refusal:
                raise _error(refusal) from None
            self.writes += len(writes)
        return [result.updated for result in results]

    def lay(self, documents: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Put documents by path, without the checks of a commit: for runs that begin with many.

        Nobody may change their fields afterwards.
        """
        at = self._backend.latest + 1
        changes = {path: Document(path, fields, at, at) for path, fields in documents}
        with self._lock:
            if isinstance(self._backend, SortedBackend):
                self._backend.forget_entries()
            self._backend.apply(changes, at)

    def query(self, query: Query) -> list[Snapshot]:
        """The documents that match, in order."""
        check_query(query)
        wanted = self._wanted(query)
        with self._lock:
            read_time = self._read_time()
            found = self._database.query(wanted)
            snapshots = [_snapshot(each.path, each, read_time) for each in found]
            self.reads += max(1, len(snapshots))
        return snapshots

    def count(self, query: Query) -> int:
        """Number of documents that match, but at most ``limit``."""
        check_query(query, ordered=False)
        wanted = self._wanted(query)
        with self._lock:
            matches = len(self._database.query(wanted))
            self.reads += billed_entries(matches)
        return matches

    def sums(self, query: Query, names: Sequence[str]) -> dict[str, float]:
        """Sums of fields over the documents that match, by field."""
        check_sums(query)
        sums: dict[str, float] = {}
        with self._lock:
            for name in names:
                wanted = self._wanted(query, name)
                figures = [Aggregation(Kind.SUM, parsed(name)), Aggregation(Kind.COUNT)]
                sums[name], matches = self._database.aggregate(wanted, figures)
                self.reads += billed_entries(matches)
        return sums

    def _wanted(self, query: Query, *summed: str) -> EngineQuery:
        """The engine's query. Raises ``Refused`` if it lacks an index."""
        wanted = engine_query(query, summed)
        if self._indexes is not None and (refusal := missing(wanted, self._indexes)) is not None:
            raise refusal
        return wanted

    @property
    def _collections(self) -> defaultdict[str, dict[str, Stored]]:
        return self._backend.collections

    def _read_time(self) -> datetime:
        """The database's clock, which never goes back, even if the given clock does."""
        self._latest = max(self._latest, self._clock.now())
        return self._latest

    def _find(self, path: str) -> Stored | None:
        return self._backend.get(path)


def _snapshot(path: str, stored: Stored | None, read_time: datetime) -> Snapshot:
    if stored is None:
        return Snapshot(path, None, None, read_time)
    return Snapshot(path, copied(stored.fields), stored.updated, read_time)


def _translated(write: Write) -> EngineWrite:
    match write:
        case Create():
            return EngineWrite(write.path, storable_fields(write.fields), exists=False)
        case Put():
            return EngineWrite(write.path, storable_fields(write.fields))
        case Update():
            fields = storable_fields(write.fields)
            mask = tuple((name,) for name in fields)
            version = _version(write)
            exists = True if version is None else None
            return EngineWrite(write.path, fields, mask, exists=exists, updated=version)
        case Delete():
            return EngineWrite(write.path, None, updated=_version(write))


def _version(write: Update | Delete) -> int | None:
    version = write.if_version
    return version if version is None or isinstance(version, int) else -1


def _error(refusal: Refused) -> SyncError:
    match refusal.code:
        case Code.ALREADY_EXISTS:
            return AlreadyExists(refusal.message)
        case Code.INVALID_ARGUMENT:
            status = refusal.code.value
            return BadRequest("commit", code=400, status=status, detail=refusal.message)
        case _:
            return Conflict(refusal.message)
