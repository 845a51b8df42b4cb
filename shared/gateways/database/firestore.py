"""The Firestore adapter. It uses conditional writes and no transactions, so nothing is locked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, Self, TypeVar

from google.api_core import exceptions
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from shared.domain.errors import Conflict
from shared.gateways.database.document_rules import (
    FieldValue,
    billed_entries,
    check_commit,
    check_document_path,
    check_query,
    check_sums,
    storable_fields,
    storable_value,
)
from shared.gateways.database.firestore_failures import (
    commit_failure,
    indexed_fields,
    read_failure,
)
from shared.gateways.ports import (
    Create,
    Delete,
    Put,
    Query,
    Snapshot,
    Update,
    Write,
)

T = TypeVar("T")

PATIENCE: Final = 10.0
"""Seconds that one request may take, and seconds for which it is repeated. Both are a fraction of
any work budget."""

_ONE_TRY: Final = Retry(predicate=if_exception_type())
"""Turns off the client's own retries, of up to 300 s for reads and 60 s for commits."""

_REPEATED_READS: Final = (
    exceptions.ServiceUnavailable,
    exceptions.InternalServerError,
    exceptions.ResourceExhausted,
    exceptions.Aborted,
)
_REPEATED_COMMITS: Final = (exceptions.ServiceUnavailable, exceptions.ResourceExhausted)


class FirestoreDocuments:
    """``DocumentStore`` over one Firestore database. Safe to share between threads.

    Reads are repeated for ``patience`` seconds, each time from the start, so that a stream that
    broke off is never continued. Commits are repeated too. If a reply is lost, the commit may have
    been applied, and then its repetition fails at its precondition. So after a lost reply, every
    failure is ``OutcomeUnknown`` instead of ``Conflict`` or ``AlreadyExists``.

    Attributes:
        reads: Documents read so far, as Firestore bills them, without repetitions.
        writes: Documents written or deleted so far.
    """

    def __init__(
        self,
        client: firestore.Client,
        *,
        patience: float = PATIENCE,
        database: str = "(default)",
    ) -> None:
        self.reads = 0
        self.writes = 0
        self._client = client
        self._patience = patience
        self._database = database
        self._counting = threading.Lock()

    @classmethod
    def connect(cls, project: str, database: str) -> Self:
        """A client for this database, with the environment's credentials; connects when used."""
        return cls(firestore.Client(project=project, database=database), database=database)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def get(self, path: str) -> Snapshot:
        """Read one document."""
        return self.get_all([path])[path]

    def get_all(self, paths: Sequence[str]) -> dict[str, Snapshot]:
        """Read several documents in one round trip."""
        for path in paths:
            check_document_path(path)
        if not paths:
            return {}
        references = [self._client.document(path) for path in dict.fromkeys(paths)]
        found = self._read(
            "get_all",
            lambda: list(self._client.get_all(references, retry=_ONE_TRY, timeout=self._patience)),
        )
        by_path = {snapshot.reference.path: _snapshot(snapshot) for snapshot in found}
        self._count(reads=len(by_path))
        return {path: by_path[path] for path in dict.fromkeys(paths)}

    def commit(self, writes: Sequence[Write]) -> list[object]:
        """Apply all writes or none.

        Raises:
            Conflict: A document to update is missing or has another version, or another commit
                came at the same time.
            AlreadyExists: A document to create exists already.
            OutcomeUnknown: The commit may have been applied; read again to see.
            Unavailable: Firestore refused the commit for now; nothing was applied.
            NotSetUp: the function may not write, or the database is missing; nothing was applied.
            BadRequest: Firestore refused the commit for good; nothing was applied.
            ValueError, TypeError: The writes break ``document_rules``; nothing was sent.
        """
        check_commit(writes)
        if not writes:
            return []
        batch = self._client.batch()
        for write in writes:
            self._add(batch, write)
        send: Callable[[], list[Any]] = partial(
            batch.commit, retry=_ONE_TRY, timeout=self._patience
        )
        lost: list[Exception] = []
        send = _patient(_REPEATED_COMMITS, self._patience)(send, on_error=lost.append)
        try:
            results = send()
        except exceptions.GoogleAPIError as error:
            creates = any(isinstance(write, Create) for write in writes)
            raise commit_failure(error, lost, creates=creates, database=self._database) from error
        self._count(writes=len(writes))
        return [_version(result.update_time) for result in results]

    def query(self, query: Query) -> list[Snapshot]:
        """The documents that match, in order."""
        check_query(query)
        built = self._built(query)
        found = self._read(
            "query",
            lambda: built.get(retry=_ONE_TRY, timeout=self._patience),
            indexed_fields(query),
        )
        self._count(reads=max(1, len(found)))
        return [_snapshot(snapshot) for snapshot in found]

    def count(self, query: Query) -> int:
        """Number of documents that match, but at most ``limit``."""
        check_query(query, ordered=False)
        counted = self._built(query).count(alias="value")
        matches = int(self._aggregated("count", counted, indexed_fields(query)))
        self._count(reads=billed_entries(matches))
        return matches

    def sums(self, query: Query, names: Sequence[str]) -> dict[str, float]:
        """Sums of fields over the documents that match, by field.

        Each field is one request, so the sums are not of exactly the same time. One request for
        all fields would leave out documents that lack any of them.
        """
        check_sums(query)
        built = self._built(query)
        sums = {
            name: self._aggregated(
                "sums", built.sum(name, alias="value"), indexed_fields(query, name)
            )
            for name in names
        }
        self._count(reads=len(sums))
        return sums

    def _built(self, query: Query) -> firestore.Query:
        built = firestore.Query(self._client.collection(query.collection))
        for where in query.where:
            value = storable_value(where.value)
            built = built.where(filter=FieldFilter(where.name, where.op.value, value))
        direction = firestore.Query.ASCENDING
        for name in query.order_by:
            direction = (
                firestore.Query.DESCENDING if name.startswith("-") else firestore.Query.ASCENDING
            )
            built = built.order_by(name.removeprefix("-"), direction=direction)
        if query.start_after is not None:
            built = built.order_by("__name__", direction=direction)
            built = built.start_after([storable_value(value) for value in query.start_after])
        return built if query.limit is None else built.limit(query.limit)

    def _aggregated(
        self,
        call: str,
        aggregation: Any,  # noqa: ANN401 - mistyped there
        fields: str,
    ) -> float:
        rows = self._read(
            call, lambda: aggregation.get(retry=_ONE_TRY, timeout=self._patience), fields
        )
        value: float = rows[0][0].value
        return value

    def _add(self, batch: firestore.WriteBatch, write: Write) -> None:
        document = self._client.document(write.path)
        match write:
            case Create():
                batch.create(document, storable_fields(write.fields))
            case Put():
                batch.set(document, storable_fields(write.fields))
            case Update():
                batch.update(document, storable_fields(write.fields), option=_unchanged(write))
            case Delete():
                batch.delete(document, option=_unchanged(write))

    def _read(self, call: str, request: Callable[[], T], fields: str = "") -> T:
        """Make a request that only reads; ``fields`` tells what a query would need an index of."""
        try:
            return _patient(_REPEATED_READS, self._patience)(request)()
        except exceptions.GoogleAPIError as error:
            raise read_failure(call, error, fields=fields, database=self._database) from error

    def _count(self, *, reads: int = 0, writes: int = 0) -> None:
        with self._counting:
            self.reads += reads
            self.writes += writes


def _patient(repeated: tuple[type[Exception], ...], patience: float) -> Retry:
    return Retry(
        predicate=if_exception_type(*repeated),
        initial=0.1,
        maximum=1.0,
        multiplier=2.0,
        timeout=patience,
    )


def _version(updated: DatetimeWithNanoseconds | None) -> str | None:
    """The update time as text, with its nanoseconds; None of a document that is not there."""
    return None if updated is None else str(updated.rfc3339())


def _unchanged(write: Update | Delete) -> firestore.LastUpdateOption | None:
    """The precondition for ``if_version``; None requires only that an updated document exists.

    Raises ``Conflict`` if no document can have such a version.
    """
    version = write.if_version
    if version is None:
        return None
    try:
        updated = DatetimeWithNanoseconds.from_rfc3339(version)
    except (TypeError, ValueError) as error:
        raise Conflict(f"no version of {write.path}: {version!r}") from error
    return firestore.LastUpdateOption(updated)


def _snapshot(snapshot: firestore.DocumentSnapshot[Any]) -> Snapshot:
    return Snapshot(
        path=snapshot.reference.path,
        fields=_plain(snapshot.to_dict()),
        version=_version(snapshot.update_time),
        read_time=_plain(snapshot.read_time),
    )


def _plain(value: FieldValue) -> FieldValue:
    """The value with the client's datetimes replaced by standard ones, also in maps and lists."""
    match value:
        case datetime():
            return datetime.combine(value.date(), value.timetz())
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value
