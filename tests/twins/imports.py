"""Imports of the Gemini twin: what is accepted, and how an import goes on over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.metadata.metadata import MAX_ENTRIES, MetadataEntry
from shared.domain.metadata.metadata_value import MAX_VALUE_LENGTH, Value
from shared.gateways.ports import Chunking, Document, ImportOperation, RemoteState

MAX_TOKENS_PER_CHUNK = 512
"""Source: the API's discovery document."""

INTERNAL = 13
"""The google.rpc.Code of an internal error."""


@dataclass(frozen=True, slots=True)
class ImportFate:
    """How an import ends after it was accepted; by default, it succeeds.

    Attributes:
        operation_hangs: The operation is never done.
        operation_fails: The operation ends with an error, and a failed document remains.
        error_code: The google.rpc.Code of that error.
        document_fails: The operation succeeds, but the document fails.
        recovers_after: A failed document turns active this long after it failed; None for never.
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
        document: The document as it was created, pending.
        operation: The operation's name.
        source: The raw file's name.
        settles_at: When the operation is done and the document active, or when both fail.
        fate: How the import ends.
    """

    document: Document
    operation: str
    source: str
    settles_at: datetime
    fate: ImportFate

    @property
    def began_at(self) -> datetime:
        """When the document was created. Raises ``LookupError`` if it is not known."""
        if self.document.created_at is None:
            raise LookupError(self.document.name)
        return self.document.created_at

    def operation_at(self, now: datetime) -> ImportOperation:
        """The operation at a time."""
        if self.fate.operation_hangs or now < self.settles_at:
            return ImportOperation(self.operation, done=False)
        if self.fate.operation_fails:
            error = "Failed to import the file."
            code = self.fate.error_code
            return ImportOperation(self.operation, done=True, error_code=code, error=error)
        return ImportOperation(self.operation, done=True, document=self.document.name)

    def document_at(self, now: datetime) -> Document:
        """The document at a time."""
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
    """Whether a document may have these metadata entries."""
    return len(metadata) <= MAX_ENTRIES and all(
        entry.key and all(len(text) <= MAX_VALUE_LENGTH for text in _texts(entry.value))
        for entry in metadata
    )


def is_possible(chunking: Chunking | None) -> bool:
    """Whether the service accepts this chunking."""
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
