"""Documents of a store: immutable; first STATE_PENDING, then STATE_ACTIVE or STATE_FAILED."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from local.gemini.clock import Clock, timestamp
from local.gemini.resources.storage import Contents, Database, Table
from local.gemini.traffic.quota import STORED_BYTES_PER_INPUT_BYTE
from local.gemini.wire.errors import failed_precondition, not_found
from local.gemini.wire.messages import JsonObject, without_defaults
from local.gemini.wire.names import check_id

IMPORTS_COUNTER = "imports"


class DocumentState(StrEnum):
    """The states of a document."""

    PENDING = "STATE_PENDING"
    ACTIVE = "STATE_ACTIVE"
    FAILED = "STATE_FAILED"


@dataclass(frozen=True, slots=True)
class Document:
    """A document. Times are seconds since the epoch; `sha256` is the hex digest of the input.

    Attributes:
        source: The raw file it was imported from; "" if it was uploaded to the store directly.
        settles_at: When it leaves PENDING; None for never.
        failed_until: If set, it becomes FAILED when it leaves PENDING, until this time; infinite
            for permanently. None if it does not fail.
    """

    name: str
    store: str
    display_name: str
    mime_type: str
    size_bytes: int
    sha256: str
    source: str
    created_at: float
    settles_at: float | None
    failed_until: float | None = None
    metadata: list[JsonObject] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]

    @property
    def stored_bytes(self) -> int:
        """How many bytes of the storage quota it uses."""
        return self.size_bytes * STORED_BYTES_PER_INPUT_BYTE

    def state(self, now: float) -> DocumentState:
        """Return the state at the given time."""
        if self.settles_at is None or now < self.settles_at:
            return DocumentState.PENDING
        if self.failed_until is not None and now < self.failed_until:
            return DocumentState.FAILED
        return DocumentState.ACTIVE

    def to_json(self, now: float) -> JsonObject:
        """Return the resource in the API's format."""
        return without_defaults(
            {
                "name": self.name,
                "displayName": self.display_name,
                "state": self.state(now),
                "sizeBytes": str(self.size_bytes),
                "mimeType": self.mime_type,
                "createTime": timestamp(self.created_at),
                "updateTime": timestamp(min(now, self.settles_at or now)),
                "customMetadata": self.metadata,
            }
        )


class Documents:
    """The documents of all stores."""

    def __init__(
        self, table: Table[Document], contents: Contents, clock: Clock, database: Database
    ) -> None:
        self.table = table
        self._contents = contents
        self._clock = clock
        self._database = database
        self.stored_bytes = sum(document.stored_bytes for document in table)
        self._unsettled = {document.name for document in table}

    @property
    def imports(self) -> int:
        """How many imports have ever succeeded, including those of deleted documents."""
        return self._database.counter(IMPORTS_COUNTER)

    def pending(self) -> int:
        """Return how many documents are pending."""
        now = self._clock.now()
        self._unsettled = {
            name
            for name in self._unsettled
            if (document := self.table.get(name)) and document.state(now) is DocumentState.PENDING
        }
        return len(self._unsettled)

    def get(self, store: str, document_id: str) -> Document:
        """Return a document.

        Raises:
            ApiError: 400 for a malformed id; 404 if there is no such document.
        """
        name = f"{store}/documents/{check_id(document_id, 'Document')}"
        document = self.table.get(name)
        if document is None:
            raise not_found(f"Document {name} does not exist.")
        return document

    def add(self, document: Document) -> None:
        """Add a document; several may have the same display name."""
        self.table.add(document, document.store)
        self.stored_bytes += document.stored_bytes
        self._unsettled.add(document.name)
        self._database.set_counter(IMPORTS_COUNTER, self.imports + 1)

    def delete(self, store: str, document_id: str, *, force: bool) -> None:
        """Delete a document.

        Raises:
            ApiError: 400 for a malformed id, or if the document is indexed and `force` is off;
                404 if there is no such document.
        """
        document = self.get(store, document_id)
        if not force and document.state(self._clock.now()) is DocumentState.ACTIVE:
            raise failed_precondition("Cannot delete non-empty Document.")
        self._remove(document)

    def delete_all(self, store: str) -> None:
        """Delete all documents of a store."""
        for document in self.table.of(store):
            self._remove(document)

    def _remove(self, document: Document) -> None:
        self.table.remove(document.name, document.store)
        self._contents.drop(document.name)
        self.stored_bytes -= document.stored_bytes
