"""What the use cases need from the outside world, as Protocols.

Each port has two implementations that pass the same contract tests: an adapter over the
official Google client (``firestore``, ``cloud_tasks``, ``gemini``, ``cloud_storage``) and an
in-memory twin (``memory``). Every failure an adapter can meet leaves it as one of the
classes of ``shared.domain.errors``; no exception of a client library gets past this line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import IO, Any, Protocol

from shared.domain.source.metadata import MetadataEntry
from shared.domain.source.object_info import ObjectInfo

Fields = Mapping[str, Any]
"""A document's fields: str, int, float, bool, datetime (aware, UTC), None, lists, maps."""


# --- time ---------------------------------------------------------------------------------


class Clock(Protocol):
    """The only source of time and of waiting in the services."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait; used for short inline waits only."""


# --- Firestore ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as it was at ``read_time``, by the database's own clock.

    ``fields`` is None where there is no such document. ``version`` is an opaque token for
    conditional writes (the update time, for Firestore).
    """

    path: str
    fields: Fields | None
    version: object | None
    read_time: datetime

    @property
    def exists(self) -> bool:
        return self.fields is not None


@dataclass(frozen=True, slots=True)
class Create:
    """Write a document that must not exist yet; otherwise the commit raises ``AlreadyExists``."""

    path: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Update:
    """Set the named top-level fields of an existing document, leaving the others.

    With ``if_version`` the document must not have changed since that snapshot, otherwise the
    commit raises ``Conflict``. A missing document is a ``Conflict`` too.
    """

    path: str
    fields: Fields
    if_version: object | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """Write the whole document, whatever was there. For documents that have one writer."""

    path: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a document; a missing one is fine unless ``if_version`` is given (``Conflict``)."""

    path: str
    if_version: object | None = None


Write = Create | Update | Put | Delete

MAX_WRITES_PER_COMMIT = 500
"""The long-standing limit of a Firestore commit; the newer quota page counts bytes (10 MiB)."""


class Op(StrEnum):
    EQ = "=="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"


@dataclass(frozen=True, slots=True)
class Where:
    name: str
    op: Op
    value: Any


@dataclass(frozen=True, slots=True)
class Query:
    """Documents of one collection (a path such as ``files`` or ``batches/b1/pages``).

    ``order_by`` names fields, a leading ``-`` meaning descending; without it the order is the
    document id's. ``start_after`` holds the values of the ``order_by`` fields (or the document
    id when there is no ``order_by``) of the last document already seen.
    """

    collection: str
    where: tuple[Where, ...] = ()
    order_by: tuple[str, ...] = ()
    limit: int | None = None
    start_after: tuple[Any, ...] | None = None

    def after(self, *last: object) -> Query:
        """The same query, starting after this document; where many tie, its id comes last."""
        return replace(self, start_after=last)


class DocumentStore(Protocol):
    """A document database with conditional writes. Paths are ``collection/id[/collection/id]``."""

    def get(self, path: str) -> Snapshot:
        """Read one document; ``exists`` is False where there is none, ``read_time`` always set."""

    def get_all(self, paths: Sequence[str]) -> dict[str, Snapshot]:
        """Read several documents in one round trip, by path (missing ones included)."""

    def commit(self, writes: Sequence[Write]) -> list[object]:
        """Apply all writes or none; returns the new version of each document written.

        Raises:
            Conflict: a precondition failed, or an updated document is missing.
            AlreadyExists: a created document exists.
            Unavailable: the outcome is unknown, or the database can't be reached.
            ValueError: more than ``MAX_WRITES_PER_COMMIT`` writes.
        """

    def query(self, query: Query) -> list[Snapshot]:
        """Documents that match, in order. Raises ``Unavailable``."""

    def count(self, query: Query) -> int:
        """How many documents match, by an aggregation (``limit`` bounds the count)."""

    def sums(self, query: Query, names: Sequence[str]) -> dict[str, int]:
        """Sums of integer fields over the documents that match, by an aggregation."""


# --- Cloud Tasks --------------------------------------------------------------------------


class QueueName(StrEnum):
    UPLOADS = "uploads"
    POLLS = "polls"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Task:
    """One HTTP call to make later.

    ``id`` is the deduplication name. ``path`` is appended to the URL of the function that
    serves the queue. ``payload`` is the JSON body. ``at`` None means now.
    """

    queue: QueueName
    id: str
    path: str
    payload: Mapping[str, Any]
    at: datetime | None = None


class TaskQueues(Protocol):
    def create(self, task: Task) -> bool:
        """Queue a task; False where the name is taken, now or lately (which is fine).

        Raises ``Unavailable``.
        """

    def create_many(self, tasks: Sequence[Task]) -> int:
        """Queue tasks; returns how many are new. Raises ``Unavailable``, after trying all."""

    def exists(self, queue: QueueName, task_id: str) -> bool:
        """Whether the task is still in its queue (waiting or running). Raises ``Unavailable``."""


# --- Cloud Storage ------------------------------------------------------------------------


class Bucket(Protocol):
    def list_objects(
        self, *, prefix: str, start: str = "", end: str = "", limit: int
    ) -> list[ObjectInfo]:
        """At most ``limit`` objects with ``prefix``, start <= name < end, by name (as UTF-8).

        An empty bound means none. Fewer than ``limit`` rows means that the range is exhausted.
        Raises ``GatewayError``: a failed listing is unknown, never empty.
        """

    def stat(self, name: str) -> ObjectInfo | None:
        """The live object of this name, or None where there is none."""

    def read_heads(self, objects: Sequence[ObjectInfo], length: int) -> dict[str, bytes | None]:
        """The first ``length`` bytes of each, by name; None where that generation is gone."""

    def open(self, name: str, generation: int) -> IO[bytes]:
        """A stream of exactly that generation. Raises ``NotFound`` where it is gone."""


# --- Gemini File Search -------------------------------------------------------------------


class RemoteState(StrEnum):
    """State of a raw file or of a document; values this version doesn't know are PENDING."""

    PENDING = "pending"
    ACTIVE = "active"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A raw file of the Files API. ``sha256`` is lower-case hex, or empty where not given."""

    name: str
    state: RemoteState
    size: int | None
    sha256: str
    expires_at: datetime | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ImportOperation:
    """``done`` is True only when the service said so. ``document`` is a full resource name."""

    name: str
    done: bool
    document: str | None = None
    error_code: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    display_name: str
    state: RemoteState
    size: int | None
    created_at: datetime | None
    metadata: Mapping[str, str | float | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class DocumentPage:
    documents: tuple[Document, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Store:
    name: str
    display_name: str
    embedding_model: str
    active_documents: int
    pending_documents: int
    failed_documents: int
    size_bytes: int

    @property
    def documents(self) -> int:
        """How many there are, in whatever state."""
        return self.active_documents + self.pending_documents + self.failed_documents


@dataclass(frozen=True, slots=True)
class StorePage:
    stores: tuple[Store, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Chunking:
    """White-space chunking: words a chunk and words shared between neighbours."""

    max_tokens_per_chunk: int
    max_overlap_tokens: int


class Gemini(Protocol):
    """The Files API and File Search stores; one call is one request, never retried inside.

    All raise ``GatewayError`` subclasses: ``Throttled`` (429), ``Unavailable`` (5xx),
    ``OutcomeUnknown`` (sent, no usable reply), ``NotFound`` (404), ``Forbidden`` (401, 403),
    ``NameTaken`` (409) and ``BadRequest`` (other 4xx).
    """

    def upload(
        self, file_id: str, content: IO[bytes], *, size: int, media_type: str, display_name: str
    ) -> RemoteFile:
        """Upload under the name ``files/{file_id}``. Metered.

        Raises ``SourceChanged`` when ``content`` turns out shorter or longer than ``size``.
        """

    def get_file(self, name: str) -> RemoteFile: ...

    def delete_file(self, name: str) -> None: ...

    def import_file(
        self,
        store: str,
        file_name: str,
        metadata: Sequence[MetadataEntry],
        chunking: Chunking | None,
    ) -> ImportOperation:
        """Start an import. Metered, and not idempotent: a second call makes a second document."""

    def get_operation(self, name: str) -> ImportOperation: ...

    def get_document(self, name: str) -> Document: ...

    def list_documents(self, store: str, page_token: str = "") -> DocumentPage:
        """A page of at most 20, oldest first."""

    def delete_document(self, name: str) -> None:
        """Delete with its chunks (``force``)."""

    def get_store(self, name: str) -> Store: ...

    def list_stores(self, page_token: str = "") -> StorePage: ...

    def create_store(self, display_name: str, embedding_model: str) -> Store: ...

    def delete_store(self, name: str) -> None:
        """Delete with its documents (``force``)."""
