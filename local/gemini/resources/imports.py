"""Imports: each adds a document to a store, with an operation that reports the result."""

from __future__ import annotations

import math
from dataclasses import dataclass

from local.gemini.clock import Clock
from local.gemini.resources.documents import Document, Documents
from local.gemini.resources.operations import Operation, import_response, upload_response
from local.gemini.resources.storage import Table
from local.gemini.resources.stores import Store
from local.gemini.settings import MIB, Latencies
from local.gemini.traffic.faults import FaultKind
from local.gemini.traffic.quota import Quota
from local.gemini.wire.errors import invalid_argument
from local.gemini.wire.messages import JsonObject
from local.gemini.wire.mime_types import can_be_indexed
from local.gemini.wire.names import new_id

MAX_DOCUMENT_BYTES = 100 * MIB


@dataclass(frozen=True, slots=True)
class Source:
    """The content to import.

    Attributes:
        name: The raw file; "" for a direct upload to the store.
        display_name: The document's display name.
        leading_space: Whether the uploaded display name begins with white space.
    """

    name: str
    display_name: str
    mime_type: str
    size_bytes: int
    sha256: str
    leading_space: bool


@dataclass(frozen=True, slots=True)
class ImportFault:
    """A fault of an import after it was accepted; `delay_s` is in seconds of the clock."""

    kind: FaultKind | None = None
    delay_s: float = 0.0


def check_document(store: Store, mime_type: str, size_bytes: int) -> None:
    """Check that a store accepts such a document.

    Raises:
        ApiError: 400 for more than 100 MB or an unsupported MIME type.
    """
    if size_bytes > MAX_DOCUMENT_BYTES:
        raise invalid_argument(f"A document must have at most {MAX_DOCUMENT_BYTES} bytes.")
    if not can_be_indexed(mime_type, store.embedding_model):
        raise invalid_argument(f"Unsupported MIME type: {mime_type}")


class Imports:
    """Begins imports; their progress then follows from the times stored at the start."""

    def __init__(
        self,
        documents: Documents,
        operations: Table[Operation],
        quota: Quota,
        clock: Clock,
        latencies: Latencies,
        *,
        full_names: bool,
    ) -> None:
        self._documents = documents
        self._operations = operations
        self._quota = quota
        self._clock = clock
        self._latencies = latencies
        self._full_names = full_names

    def begin(
        self, store: Store, source: Source, metadata: list[JsonObject], fault: ImportFault
    ) -> tuple[Document, Operation]:
        """Add a pending document and its operation, which have the same id.

        Raises:
            ApiError: 400 if the store does not accept the document; 429 if a quota is used up.
        """
        check_document(store, source.mime_type, source.size_bytes)
        limited = self._quota.limits.concurrent_imports is not None
        self._quota.check_import(
            size_bytes=source.size_bytes,
            stored_bytes=self._documents.stored_bytes,
            pending=self._documents.pending() if limited else 0,
        )
        now = self._clock.now()
        finish = now + self._latencies.importing_s(source.size_bytes)
        document_id = new_id(source.display_name)
        # Users report that an import never ends if the display name begins with white space.
        stuck = fault.kind is FaultKind.DOCUMENT_STUCK or source.leading_space
        document = Document(
            name=f"{store.name}/documents/{document_id}",
            store=store.name,
            display_name=source.display_name,
            mime_type=source.mime_type,
            size_bytes=source.size_bytes,
            sha256=source.sha256,
            source=source.name,
            created_at=now,
            settles_at=None if stuck else finish,
            failed_until=_failed_until(fault, finish),
            metadata=metadata,
        )
        operation = self._operation(document, fault)
        self._documents.add(document)
        self._operations.add(operation, store.name)
        return document, operation

    def _operation(self, document: Document, fault: ImportFault) -> Operation:
        folder = "operations" if document.source else "upload/operations"
        hung = fault.kind is FaultKind.OPERATION_HUNG
        failed = fault.kind is FaultKind.OPERATION_FAILED
        return Operation(
            name=f"{document.store}/{folder}/{document.id}",
            created_at=document.created_at,
            done_at=None if hung else document.settles_at,
            response=self._response(document),
            error={"code": 13, "message": "Failed to import the file."} if failed else None,
        )

    def _response(self, document: Document) -> JsonObject:
        if document.source:
            return import_response(document.store, document.name, full_names=self._full_names)
        return upload_response(
            document.store,
            document.name,
            mime_type=document.mime_type,
            size_bytes=document.size_bytes,
            created_at=document.created_at,
        )


def _failed_until(fault: ImportFault, finish: float) -> float | None:
    match fault.kind:
        case FaultKind.DOCUMENT_FAILED | FaultKind.OPERATION_FAILED:
            return math.inf
        case FaultKind.DOCUMENT_RECOVERS:
            return finish + fault.delay_s
        case _:
            return None
