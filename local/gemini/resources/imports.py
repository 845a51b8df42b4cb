"""Imports: what brings a document into a store, and the operation that tells how it went."""

from __future__ import annotations

import math
from dataclasses import dataclass

from local.gemini.clock import Clock
from local.gemini.resources.documents import Document, Documents
from local.gemini.resources.operations import Operation, import_response, upload_response
from local.gemini.resources.storage import Table
from local.gemini.resources.stores import Store
from local.gemini.settings import MIB, Pace
from local.gemini.traffic.faults import FaultKind
from local.gemini.traffic.quota import Quota
from local.gemini.wire.errors import invalid_argument
from local.gemini.wire.messages import JsonObject
from local.gemini.wire.mime_types import can_be_indexed
from local.gemini.wire.names import new_id

MAX_DOCUMENT_BYTES = 100 * MIB


@dataclass(frozen=True, slots=True)
class Source:
    """What is imported.

    Attributes:
        name: The raw file; "" for an upload to the store.
        display_name: The document's.
        leading_space: The name it was uploaded under begins with white space.
    """

    name: str
    display_name: str
    mime_type: str
    size_bytes: int
    sha256: str
    leading_space: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong with an import after it was accepted; `delay_s` as the clock runs."""

    kind: FaultKind | None = None
    delay_s: float = 0.0


def check_document(store: Store, mime_type: str, size_bytes: int) -> None:
    """Check that a store takes such a document.

    Raises:
        ApiError: 400, more than 100 MB or an unsupported MIME type.
    """
    if size_bytes > MAX_DOCUMENT_BYTES:
        raise invalid_argument(f"A document has at most {MAX_DOCUMENT_BYTES} bytes.")
    if not can_be_indexed(mime_type, store.embedding_model):
        raise invalid_argument(f"Unsupported MIME type: {mime_type}")


class Imports:
    """Begins imports; everything after that follows from the times they are given."""

    def __init__(
        self,
        documents: Documents,
        operations: Table[Operation],
        quota: Quota,
        clock: Clock,
        pace: Pace,
        *,
        full_names: bool,
    ) -> None:
        self._documents = documents
        self._operations = operations
        self._quota = quota
        self._clock = clock
        self._pace = pace
        self._full_names = full_names

    def begin(
        self, store: Store, source: Source, metadata: list[JsonObject], trouble: Trouble
    ) -> tuple[Document, Operation]:
        """Add a pending document and its operation, which share their id.

        Raises:
            ApiError: 400, the store takes no such document; 429, no room for it.
        """
        check_document(store, source.mime_type, source.size_bytes)
        limited = self._quota.limits.concurrent_imports is not None
        self._quota.check_import(
            size_bytes=source.size_bytes,
            stored_bytes=self._documents.stored_bytes,
            pending=self._documents.pending() if limited else 0,
        )
        now = self._clock.now()
        finish = now + self._pace.importing_s(source.size_bytes)
        document_id = new_id(source.display_name)
        # A display name with leading white space is reported to leave its import unfinished.
        stuck = trouble.kind is FaultKind.DOCUMENT_STUCK or source.leading_space
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
            failed_until=_failed_until(trouble, finish),
            metadata=metadata,
        )
        operation = Operation(
            name=f"{store.name}/{'' if source.name else 'upload/'}operations/{document_id}",
            created_at=now,
            done_at=None if stuck or trouble.kind is FaultKind.OPERATION_HUNG else finish,
            response=self._response(document),
            error={"code": 13, "message": "Failed to import the file."}
            if trouble.kind is FaultKind.OPERATION_FAILED
            else None,
        )
        self._documents.add(document)
        self._operations.add(operation, store.name)
        return document, operation

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


def _failed_until(trouble: Trouble, finish: float) -> float | None:
    match trouble.kind:
        case FaultKind.DOCUMENT_FAILED | FaultKind.OPERATION_FAILED:
            return math.inf
        case FaultKind.DOCUMENT_RECOVERS:
            return finish + trouble.delay_s
        case _:
            return None
