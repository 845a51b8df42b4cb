"""The ledger of imports: one entry for each, from the intent to its outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class ImportState(StrEnum):
    """SENT: about to be sent, or sent, and the outcome isn't known."""

    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """At ``operations/{operation_id}``; written before ``import_file`` is called, and once after.

    The service's name for it is kept in the file's record (``working.import_call``) while the
    import is under way, so that it survives a crash, a new aim and a cancelled batch; the outcome
    notes it here.

    Attributes:
        operation_id: Its own id.
        path: The file.
        content_key: Of what is imported.
        raw_file: Resource name of the upload.
        store: Resource name of the store.
        batch_id: The batch that sent it.
        tokens: How many it is likely to be embedded as.
        cost: What embedding them is likely to cost, in ``currency``; None without a known price.
        currency: ISO 4217; None without a known price.
        state: How far it is.
        operation: The service's name for it; None as long as the outcome isn't known, or where no
            reply came.
        document: Resource name of the document it made; None where it made none.
        error: Why it failed; None where it didn't.
        created_at: When the intent was written.
        completed_at: When the outcome was.
        expires_at: When the database may drop it.
        schema_version: Of this record.
    """

    operation_id: str
    path: str
    content_key: str
    raw_file: str
    store: str
    batch_id: str
    created_at: datetime
    expires_at: datetime
    tokens: int = 0
    cost: float | None = None
    currency: str | None = None
    state: ImportState = ImportState.SENT
    operation: str | None = None
    document: str | None = None
    error: str | None = None
    completed_at: datetime | None = None
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an import ended: the fields of ``LedgerEntry`` that are written then."""

    state: ImportState
    completed_at: datetime
    operation: str | None = None
    document: str | None = None
    error: str | None = None


def succeeded(operation: str | None, document: str, now: datetime) -> Outcome:
    """Its document is verified."""
    return Outcome(ImportState.SUCCEEDED, now, operation, document)


def failed(operation: str | None, error: str, now: datetime) -> Outcome:
    """It was refused, made nothing, or its document failed."""
    return Outcome(ImportState.FAILED, now, operation, error=error)


def ended(entry: LedgerEntry, outcome: Outcome) -> LedgerEntry:
    """The entry with its outcome."""
    return replace(
        entry,
        state=outcome.state,
        completed_at=outcome.completed_at,
        operation=outcome.operation,
        document=outcome.document,
        error=outcome.error,
    )
