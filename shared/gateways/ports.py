"""The ports: what the use cases need from the outside world, as Protocols.

Each port has two implementations that pass the same contract tests: an adapter over Google's
client (``database.firestore``, ``cloud_tasks``, ``gemini``, ``cloud_storage``) and an in-memory
twin (``tests/twins``). Adapters raise failures as classes of ``shared.domain.errors``, never as
exceptions of a client library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import IO, Any, Protocol, TypeVar

from shared.domain.ask.reply import Reply
from shared.domain.errors import Unreadable
from shared.domain.metadata.metadata import MetadataEntry
from shared.domain.source.object_info import ObjectInfo

Fields = Mapping[str, Any]
"""Fields of a database document: str, int, float, bool, datetime (aware, UTC), None, list, map."""


# --- time ---------------------------------------------------------------------------------


class Clock(Protocol):
    """The services' only way to read the time and to wait."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait for a short time, in ``seconds``; longer waits are left to tasks."""


T = TypeVar("T")


class AtOnce(Protocol):
    """Makes calls at the same time, so that one which is slow holds up none of the others."""

    def __call__(
        self, calls: Sequence[Callable[[], T]], within: timedelta
    ) -> Sequence[T | Exception]:
        """What each call returns or raises, in order.

        A call that hasn't ended ``within`` this time counts as ``Unavailable``. It may still have
        its effect.
        """


# --- Firestore ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as it was at ``read_time``, by the database's clock.

    ``fields`` and ``version`` are None if there is no such document. ``version`` is an opaque token
    for conditional writes (Firestore's update time), a text or a number.
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
    """Write a new document; if it exists already, the commit raises ``AlreadyExists``."""

    path: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Update:
    """Set these top-level fields of an existing document and keep the others.

    If the document is missing, or with ``if_version`` has another version by now, the commit raises
    ``Conflict``.
    """

    path: str
    fields: Fields
    if_version: object | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """Write the whole document, and replace any before it. For documents with one writer only."""

    path: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a document, if it exists.

    With ``if_version``, the commit raises ``Conflict`` if it is missing or has another version.
    """

    path: str
    if_version: object | None = None


Write = Create | Update | Put | Delete

MAX_WRITES_PER_COMMIT = 500
"""Firestore's old documented limit; today's quota page limits the bytes instead (10 MiB)."""


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
    """A query for documents of one collection, which is a path as ``files``, ``batches/b1/pages``.

    ``order_by`` names fields; a leading ``-`` means descending. Without it, documents are ordered
    by id. ``start_after`` holds the last seen document's values of the ``order_by`` fields, or its
    id without ``order_by``.
    """

    collection: str
    where: tuple[Where, ...] = ()
    order_by: tuple[str, ...] = ()
    limit: int | None = None
    start_after: tuple[Any, ...] | None = None

    def after(self, *last: object) -> Query:
        """The same query, continued after the document with these values.

        If several documents may have the same values, add the document's id as the last one.
        """
        return replace(self, start_after=last)


class DocumentStore(Protocol):
    """A document database with conditional writes. Paths are ``collection/id[/collection/id]``."""

    def get(self, path: str) -> Snapshot:
        """Read one document. If it is missing, ``exists`` is False and ``read_time`` is set."""

    def get_all(self, paths: Sequence[str]) -> dict[str, Snapshot]:
        """Read several documents in one round trip; by path, with the missing ones."""

    def commit(self, writes: Sequence[Write]) -> list[object]:
        """Apply all writes or none; returns the new version of each document, in their order.

        Raises:
            Conflict: A document to update is missing, or has another version than expected.
            AlreadyExists: A document to create exists already.
            OutcomeUnknown: The commit may have been applied.
            Unavailable: The commit was not applied; trying again may help.
            ValueError: There are more than ``MAX_WRITES_PER_COMMIT`` writes, or one is malformed.
        """

    def query(self, query: Query) -> list[Snapshot]:
        """The documents that match, in order. Raises ``Unavailable``."""

    def count(self, query: Query) -> int:
        """Number of documents that match, but at most ``limit``; an aggregation."""

    def sums(self, query: Query, names: Sequence[str]) -> dict[str, float]:
        """Sums of number fields over the documents that match, by field; an aggregation."""


# --- Cloud Tasks --------------------------------------------------------------------------


class QueueName(StrEnum):
    UPLOADS = "uploads"
    POLLS = "polls"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Task:
    """One HTTP call to make later.

    ``id`` is unique, so that the queue refuses a second task with it. ``path`` is appended to the
    URL of the function that serves the queue. ``payload`` is the JSON body. ``at`` is when the task
    is due; None means now.
    """

    queue: QueueName
    id: str
    path: str
    payload: Mapping[str, Any]
    at: datetime | None = None


class TaskQueues(Protocol):
    def create(self, task: Task) -> bool:
        """Queue a task; False if its name is in use or was used recently, which is no error.

        Raises ``GatewayError``.
        """

    def create_many(self, tasks: Sequence[Task]) -> int:
        """Queue tasks; returns how many are new. Raises ``GatewayError`` after trying all."""

    def exists(self, queue: QueueName, task_id: str) -> bool:
        """Whether the task is still in its queue, waiting or running. Raises ``GatewayError``."""


# --- Cloud Storage ------------------------------------------------------------------------


Head = bytes | Unreadable | None
"""What a read of an object's first bytes brought; see ``Bucket.read_heads``."""


class Bucket(Protocol):
    def list_objects(
        self, *, prefix: str, start: str = "", end: str = "", limit: int
    ) -> list[ObjectInfo]:
        """At most ``limit`` objects with ``prefix`` and start <= name < end.

        They are sorted by name, as UTF-8. An empty ``start`` or ``end`` means no bound. Fewer than
        ``limit`` objects mean that there are no more. Raises ``GatewayError`` if the listing fails;
        a failed listing never returns an empty list.
        """

    def stat(self, name: str) -> ObjectInfo | None:
        """The live object of this name; None if there is none. Raises ``GatewayError``."""

    def stat_each(self, names: Sequence[str]) -> dict[str, ObjectInfo]:
        """The live objects of these names, by name, without those that don't exist.

        Raises ``GatewayError``.
        """

    def read_heads(self, objects: Sequence[ObjectInfo], length: int) -> dict[str, Head]:
        """The first ``length`` bytes of each object, by name.

        None if its generation is gone, and ``Unreadable`` if its read is refused. Raises
        ``GatewayError`` for any other failure.
        """

    def open(self, name: str, generation: int) -> IO[bytes]:
        """A stream of exactly this generation.

        Raises ``NotFound`` if it is gone, and ``Unreadable`` if a read of it is refused; both may
        also come from later reads of the stream.
        """


# --- Gemini File Search -------------------------------------------------------------------


class RemoteState(StrEnum):
    """State of a raw file or a document; a state that this version doesn't know is PENDING."""

    PENDING = "pending"
    ACTIVE = "active"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A raw file of the Files API. ``sha256`` is lower-case hex; empty if it isn't known."""

    name: str
    state: RemoteState
    size: int | None
    sha256: str
    expires_at: datetime | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class ImportOperation:
    """The operation of an import, as the service describes it.

    ``done`` is True only if the service said so. ``document`` is a full resource name. The error's
    code is a google.rpc.Code.
    """

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
        """Number of documents, in any state."""
        return self.active_documents + self.pending_documents + self.failed_documents


@dataclass(frozen=True, slots=True)
class StorePage:
    stores: tuple[Store, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Chunking:
    """White-space chunking: most tokens of a chunk, and tokens that neighbouring chunks share."""

    max_tokens_per_chunk: int
    max_overlap_tokens: int


class Gemini(Protocol):
    """The Files API and File Search stores. Each method is one call, which is not retried.

    All methods raise subclasses of ``GatewayError``: ``Throttled`` (429), ``Unavailable`` (5xx),
    ``OutcomeUnknown`` (sent, but no usable reply), ``NotFound`` (404), ``Forbidden`` (401, 403),
    ``NameTaken`` (409) and ``BadRequest`` (other 4xx).
    """

    def upload(
        self, file_id: str, content: IO[bytes], *, size: int, media_type: str, display_name: str
    ) -> RemoteFile:
        """Upload a raw file with the name ``files/{file_id}``. Metered.

        ``size`` is in bytes. Raises ``SourceChanged`` if ``content`` is shorter or longer.
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
        """Start an import. Metered. Not idempotent: a second call makes a second document."""

    def get_operation(self, name: str) -> ImportOperation: ...

    def get_document(self, name: str) -> Document: ...

    def list_documents(self, store: str, page_token: str = "") -> DocumentPage:
        """A page of at most 20 documents, oldest first."""

    def delete_document(self, name: str) -> None:
        """Delete a document and its chunks (``force``)."""

    def get_store(self, name: str) -> Store: ...

    def list_stores(self, page_token: str = "") -> StorePage: ...

    def create_store(self, display_name: str, embedding_model: str) -> Store: ...

    def delete_store(self, name: str) -> None:
        """Delete a store and its documents (``force``)."""


# --- answers of a model -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question to a model that searches one store.

    Attributes:
        question: The question.
        instruction: What the model is told about how to answer.
        model: Name of the model, without ``models/``.
        store: Resource name of the store.
        metadata_filter: Which documents are searched.
        passages: Most passages that the search finds.
        max_output_tokens: Most tokens of the answer, with thoughts.
    """

    question: str
    instruction: str
    model: str
    store: str
    metadata_filter: str
    passages: int
    max_output_tokens: int


class Answers(Protocol):
    def ask(self, inquiry: Inquiry) -> Reply:
        """Ask once. Raises as ``Gemini`` does; ``OutcomeUnknown`` may have been charged."""
