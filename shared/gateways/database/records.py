"""Typed records over the document store: their paths, and how to change them safely.

Records are never locked. A record is read with its version, a pure function decides, and the write
succeeds only if the version is still the same. If not, the record is read and decided again.

A document that doesn't match its class is *damaged*: somebody edited it, or a newer version wrote
it. It reads as a missing record, so it stops nothing else, and a write replaces it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Generic, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from shared.domain.errors import AlreadyExists, Conflict
from shared.domain.ids import file_id
from shared.gateways.database.codec import (
    MalformedRecord,
    changed_fields,
    from_fields,
    to_fields,
)
from shared.gateways.ports import (
    MAX_WRITES_PER_COMMIT,
    Clock,
    Create,
    DocumentStore,
    Fields,
    Query,
    Snapshot,
    Update,
    Write,
)

T = TypeVar("T")

_log = logging.getLogger(__name__)

LEASE = "locks/writer"
DEPLOYMENT = "meta/deployment"
UNCERTAIN_SEARCH = "meta/uncertain"
STORAGE = "meta/storage"
ASKED = "meta/asked"
BREAKER = "breaker/state"
POLLS = "breaker/polls"
IMPORTS = "breaker/imports"

CAS_ATTEMPTS = 12
"""How often a change is tried; if all tries meet a conflict, it fails with ``Conflict``."""


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


def bookings_path(share: int) -> str:
    return f"breaker/bookings-{share:03d}"


def operation_path(operation_id: str) -> str:
    return f"operations/{operation_id}"


def asks_path(day: str) -> str:
    """The spending of a day's questions; in a database of its own."""
    return f"asks/{day}"


def window_path(entry_id: str) -> str:
    return f"breaker/state/window/{entry_id}"


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a document can't be read as a record, and what it holds."""

    fault: MalformedRecord
    fields: Fields


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """A record as it was read.

    Attributes:
        path: The document's path.
        record: The record; None if the document is missing or damaged.
        version: The document's version; None if it is missing.
        read_time: When it was read, by the database's clock.
        damage: What is wrong with the document; None if it is missing or can be read.
    """

    path: str
    record: T | None
    version: object | None
    read_time: datetime
    damage: Damage | None = None

    @property
    def present(self) -> T:
        """The record.

        Raises:
            MalformedRecord: The document is damaged.
            LookupError: It is missing.
        """
        if self.damage is not None:
            raise self.damage.fault
        if self.record is None:
            raise LookupError(f"there is no document at {self.path}")
        return self.record


def creating(path: str, record: object) -> Create:
    return Create(path, to_fields(record))


def updating(path: str, record: object, version: object, before: object | None = None) -> Update:
    """A conditional write of the record; given ``before``, only of the fields that differ."""
    fields = to_fields(record) if before is None else changed_fields(record, before)
    return Update(path, fields, if_version=version)


def replacing(stored: Stored[Any], new: object) -> Create | Update:
    """The conditional write of ``new`` in place of what was read, be it missing or damaged."""
    if stored.version is None:
        return creating(stored.path, new)
    return updating(stored.path, new, stored.version, stored.record)


def cas_retrying(clock: Clock) -> Retrying:
    """Retries after ``Conflict`` and ``AlreadyExists``, up to ``CAS_ATTEMPTS``, with jitter."""
    return Retrying(
        retry=retry_if_exception_type((Conflict, AlreadyExists)),
        stop=stop_after_attempt(CAS_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.01, max=0.5),
        sleep=clock.sleep,
        reraise=True,
    )


class Records:
    """Reads and changes records; every method may raise what ``DocumentStore`` raises.

    Attributes:
        damaged: The damaged documents that were read so far, by path.
    """

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self.documents = documents
        self.damaged: dict[str, Stored[Any]] = {}
        self._retrying = cas_retrying(clock)

    def get(self, kind: type[T], path: str) -> Stored[T]:
        return self._stored(kind, self.documents.get(path))

    def get_all(self, wanted: Sequence[tuple[type[Any], str]]) -> list[Stored[Any]]:
        """Several records, read in one round trip, in the order of ``wanted``."""
        snapshots = self.documents.get_all([path for _, path in wanted])
        return [self._stored(kind, snapshots[path]) for kind, path in wanted]

    def query(self, kind: type[T], query: Query) -> list[Stored[T]]:
        """The records that match, in order, without damaged documents.

        Fewer than the query's limit means that there are no more: others take the place of those
        that are damaged.
        """
        asked = query
        while True:
            page = [self._stored(kind, snapshot) for snapshot in self.documents.query(asked)]
            readable = [each for each in page if each.damage is None]
            if query.limit is None or asked.limit is None:
                return readable
            if len(page) < asked.limit or len(readable) >= query.limit:
                return readable[: query.limit]
            asked = replace(query, limit=query.limit + len(page) - len(readable))

    def change(
        self,
        kind: type[T],
        path: str,
        decide: Callable[[Stored[T]], T | None],
        *,
        known: Stored[T] | None = None,
        also: Sequence[Write] = (),
    ) -> Stored[T]:
        """Replace a record by what ``decide`` returns, and decide again if others wrote first.

        Args:
            kind: The record's class.
            path: Path of the record's document.
            decide: A pure function, called again after each conflict. If it returns None, the
                record stays as it is, and only ``also`` is written.
            known: The record as read before, which saves the first read.
            also: More writes for the same commit.

        Raises:
            Conflict: ``CAS_ATTEMPTS`` tries in a row met a conflict.
        """
        stored = known
        for attempt in self._retrying:
            with attempt:
                if stored is None or attempt.retry_state.attempt_number > 1:
                    stored = self.get(kind, path)
                return self.write(stored, decide(stored), also)
        raise AssertionError("tenacity re-raises the last error")

    def write(self, stored: Stored[T], new: T | None, also: Sequence[Write] = ()) -> Stored[T]:
        """Replace the record by ``new``, with ``also`` in the same commit.

        Raises:
            Conflict: The record has changed since it was read.
            AlreadyExists: The record was missing when it was read, and exists now.
        """
        if new is None or new == stored.record:
            if also:
                self.documents.commit(also)
            return stored
        versions = self.documents.commit([replacing(stored, new), *also])
        return Stored(stored.path, new, versions[0], stored.read_time)

    def commit_each(self, writes: Sequence[Write]) -> list[Write]:
        """Commit many independent conditional writes; returns those that met a conflict.

        Writes are committed in groups, to be fast. A group that meets a conflict is split until
        the write in conflict is alone.
        """
        versions = self.versions_of_each(writes)
        return [write for write, each in zip(writes, versions, strict=True) if each is None]

    def versions_of_each(self, writes: Sequence[Write]) -> list[object | None]:
        """As ``commit_each``, but returns the new versions; None for those that met a conflict."""
        size = MAX_WRITES_PER_COMMIT - 1  # leaves room for the write of a fence
        found = self.commit_together([[write] for write in writes], size)
        return [each and each[0] for each in found]

    def commit_together(
        self, units: Sequence[Sequence[Write]], most: int
    ) -> list[Sequence[object] | None]:
        """Commit units of writes, several in one commit of at most ``most`` units.

        The writes of a unit are committed together or not at all. A commit that meets a conflict
        is split until the unit in conflict is alone.

        Returns:
            For each unit the new versions of its documents; None for one that met a conflict.
        """
        versions: list[Sequence[object] | None] = [None] * len(units)
        places = list(range(len(units)))
        groups = [places[i : i + most] for i in range(0, len(units), most)]
        while groups:
            group = groups.pop()
            try:
                new = iter(self.documents.commit([each for n in group for each in units[n]]))
            except (AlreadyExists, Conflict):
                if len(group) > 1:
                    middle = len(group) // 2
                    groups += [group[:middle], group[middle:]]
                continue
            for place in group:
                versions[place] = list(islice(new, len(units[place])))
        return versions

    def _stored(self, kind: type[T], snapshot: Snapshot) -> Stored[T]:
        stored = _stored(kind, snapshot)
        if stored.damage is not None:
            if stored.path not in self.damaged:
                _log.warning("a document can't be read: %s", stored.damage.fault)
            self.damaged[stored.path] = stored
        return stored


def _stored(kind: type[T], snapshot: Snapshot) -> Stored[T]:
    record, damage = None, None
    if snapshot.fields is not None:
        try:
            record = from_fields(kind, snapshot.fields)
        except MalformedRecord as error:
            damage = Damage(error.of(snapshot.path), snapshot.fields)
    return Stored(snapshot.path, record, snapshot.version, snapshot.read_time, damage)
