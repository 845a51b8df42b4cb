"""Typed records over the document store: where each lives, and how one is changed safely.

A record is never locked. It is read with its version, a pure function decides, and the write
holds only if nobody wrote in between; otherwise it is read and decided again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from shared.domain.errors import AlreadyExists, Conflict
from shared.domain.ids import file_id
from shared.gateways.database.codec import changed_fields, from_fields, to_fields
from shared.gateways.ports import (
    MAX_WRITES_PER_COMMIT,
    Clock,
    Create,
    DocumentStore,
    Query,
    Snapshot,
    Update,
    Write,
)

T = TypeVar("T")

LEASE = "locks/writer"
DEPLOYMENT = "meta/deployment"
UNCERTAIN_SEARCH = "meta/uncertain"
BREAKER = "breaker/state"
HOLD = "breaker/hold"

CAS_ATTEMPTS = 12
"""Readings of one record before its contention is taken for a fault."""


def file_path(path: str) -> str:
    return f"files/{file_id(path)}"


def batch_path(batch_id: str) -> str:
    return f"batches/{batch_id}"


def page_path(batch_id: str, index: int) -> str:
    return f"batches/{batch_id}/pages/{index:06d}"


def reconcile_path(batch_id: str) -> str:
    return f"batches/{batch_id}/reconcile/state"


def listing_path(batch_id: str, index: int) -> str:
    return f"batches/{batch_id}/listing/{index:06d}"


def range_path(start: str) -> str:
    return f"ranges/{file_id(start)}"


def operation_path(operation_id: str) -> str:
    return f"operations/{operation_id}"


def window_path(entry_id: str) -> str:
    return f"breaker/state/window/{entry_id}"


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A record as read: None where there is none. ``read_time`` is the database's clock."""

    path: str
    record: T | None
    version: object | None
    read_time: datetime

    @property
    def present(self) -> T:
        """The record, known to exist. Raises ``LookupError`` where it doesn't."""
        if self.record is None:
            raise LookupError(f"no document at {self.path}")
        return self.record


def creating(path: str, record: object) -> Create:
    return Create(path, to_fields(record))


def updating(path: str, record: object, version: object, before: object | None = None) -> Update:
    """A conditional write of the record; with ``before`` only of the fields that differ."""
    fields = to_fields(record) if before is None else changed_fields(record, before)
    return Update(path, fields, if_version=version)


def cas_retrying(clock: Clock) -> Retrying:
    """Read, decide and write again while others write first, with jitter between."""
    return Retrying(
        retry=retry_if_exception_type((Conflict, AlreadyExists)),
        stop=stop_after_attempt(CAS_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.01, max=0.5),
        sleep=clock.sleep,
        reraise=True,
    )


class Records:
    """Reading and changing records; every method may raise what ``DocumentStore`` raises."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self.documents = documents
        self._retrying = cas_retrying(clock)

    def get(self, kind: type[T], path: str) -> Stored[T]:
        return _stored(kind, self.documents.get(path))

    def get_all(self, wanted: Sequence[tuple[type[Any], str]]) -> list[Stored[Any]]:
        """Several records in one round trip, in the order asked."""
        snapshots = self.documents.get_all([path for _, path in wanted])
        return [_stored(kind, snapshots[path]) for kind, path in wanted]

    def query(self, kind: type[T], query: Query) -> list[Stored[T]]:
        return [_stored(kind, snapshot) for snapshot in self.documents.query(query)]

    def change(
        self,
        kind: type[T],
        path: str,
        decide: Callable[[Stored[T]], T | None],
        *,
        known: Stored[T] | None = None,
        also: Sequence[Write] = (),
    ) -> Stored[T]:
        """Replace a record by what ``decide`` makes of it, whoever else writes.

        Args:
            kind: The record's class.
            path: Its document.
            decide: Pure; called again after each conflict. None leaves the record as it is,
                and then ``also`` is written only if there is something in it.
            known: A reading to start from, saving the first one.
            also: Writes that land in the same commit.

        Raises:
            Conflict: others wrote ``CAS_ATTEMPTS`` times in a row.
        """
        stored = known
        for attempt in self._retrying:
            with attempt:
                if stored is None or attempt.retry_state.attempt_number > 1:
                    stored = self.get(kind, path)
                return self.write(stored, decide(stored), also)
        raise AssertionError("tenacity re-raises the last error")

    def write(self, stored: Stored[T], new: T | None, also: Sequence[Write] = ()) -> Stored[T]:
        """Write ``new`` in place of what was read; ``Conflict`` where that has changed."""
        if new is None or new == stored.record:
            if also:
                self.documents.commit(also)
            return stored
        own: Write
        if stored.record is None:
            own = creating(stored.path, new)
        else:
            own = updating(stored.path, new, stored.version, stored.record)
        versions = self.documents.commit([own, *also])
        return Stored(stored.path, new, versions[0], stored.read_time)

    def commit_each(self, writes: Sequence[Write]) -> list[Write]:
        """Commit many independent conditional writes; returns those that met a conflict.

        They go in groups for speed; a group that fails is split until the culprit is alone.
        """
        conflicts: list[Write] = []
        size = MAX_WRITES_PER_COMMIT - 1  # a fence may be one more
        groups = [list(writes[i : i + size]) for i in range(0, len(writes), size)]
        while groups:
            group = groups.pop()
            try:
                self.documents.commit(group)
            except (AlreadyExists, Conflict):
                if len(group) == 1:
                    conflicts += group
                else:
                    middle = len(group) // 2
                    groups += [group[:middle], group[middle:]]
        return conflicts


def _stored(kind: type[T], snapshot: Snapshot) -> Stored[T]:
    record = None if snapshot.fields is None else from_fields(kind, snapshot.fields)
    return Stored(snapshot.path, record, snapshot.version, snapshot.read_time)
