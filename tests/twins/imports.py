"""An import into a store in memory: what is accepted, and what becomes of it with time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.source.metadata import MAX_ENTRIES, MetadataEntry
from shared.domain.source.metadata_value import MAX_VALUE_LENGTH, Value
from shared.gateways.ports import Chunking, Document, ImportOperation, RemoteState

MAX_TOKENS_PER_CHUNK = 512
"""By the API's discovery document."""

INTERNAL = 13
"""The google.rpc.Code of a fault inside the service."""


@dataclass(frozen=True, slots=True)
class ImportFate:
    """What becomes of an import after it was accepted; by default, success.

    Attributes:
        operation_hangs: The operation never says that it is done.
        operation_fails: It ends in an error; the document stays behind, failed.
        error_code: That error's google.rpc.Code.
        document_fails: The operation succeeds, the document turns out failed.
        recovers_after: A failed document turns active so long after it failed.
    """

    operation_hangs: bool = False
    operation_fails: bool = False
    error_code: int = INTERNAL
    document_fails: bool = False
    recovers_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Import:
    """A document and the operation that made it.

    Attributes:
        document: As it was at first, pending.
        operation: The operation's name.
        source: The raw file's name.
        settles_at: When the one is done and the other active, or failed.
        fate: How it turns out.
    """

    document: Document
    operation: str
    source: str
    settles_at: datetime
    fate: ImportFate

    def operation_at(self, now: datetime) -> ImportOperation:
        """The operation as it stands at a time."""
        if self.fate.operation_hangs or now < self.settles_at:
            return ImportOperation(self.operation, done=False)
        if self.fate.operation_fails:
            error = "Failed to import the file."
            code = self.fate.error_code
            return ImportOperation(self.operation, done=True, error_code=code, error=error)
        return ImportOperation(self.operation, done=True, document=self.document.name)

    def document_at(self, now: datetime) -> Document:
        """The document as it stands at a time."""
        return replace(self.document, state=self.state_at(now))

    def state_at(self, now: datetime) -> RemoteState:
        """The document's state at a time."""
        if now < self.settles_at:
            return RemoteState.PENDING
        if not (self.fate.operation_fails or self.fate.document_fails):
            return RemoteState.ACTIVE
        recovers_after = self.fate.recovers_after
        if recovers_after is not None and now >= self.settles_at + recovers_after:
            return RemoteState.ACTIVE
        return RemoteState.FAILED


def fits(metadata: Sequence[MetadataEntry]) -> bool:
    """Whether a document may carry these entries."""
    return len(metadata) <= MAX_ENTRIES and all(
        entry.key and all(len(text) <= MAX_VALUE_LENGTH for text in _texts(entry.value))
        for entry in metadata
    )


def is_possible(chunking: Chunking | None) -> bool:
    """Whether text can be cut like this."""
    return chunking is None or (
        0 <= chunking.max_overlap_tokens < chunking.max_tokens_per_chunk <= MAX_TOKENS_PER_CHUNK
    )


def _texts(value: Value) -> tuple[str, ...]:
    match value:
        case str(text):
            return (text,)
        case tuple(texts):
            return texts
        case _:
            return ()
