"""The ledger of imports: one entry per import, from the intent to the outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.file.record import FileRecord


class ImportState(StrEnum):
    """SENT means: about to be sent, or sent with an outcome that isn't known yet."""

    SENT = "sent"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One import, at ``operations/{operation_id}``.

    It is written before ``import_file`` is called, and once more if the import fails. Everything
    else is in the file's record: the service's operation name while the import is under way
    (``working.import_call``), where it survives a crash, a change of what is desired and a
    cancelled batch; and a success for as long as its document is served (``current``). So most
    imports need one write here. ``known`` reads both.

    Attributes:
        operation_id: The entry's id.
        path: The file's path.
        content_key: Content key of the imported content.
        raw_file: Resource name of the raw file.
        store: Resource name of the store.
        batch_id: The batch that sent the import.
        tokens: Estimated number of tokens to embed.
        cost: Estimated cost of embedding them, in ``currency``; None without a known price. It
            counts for the day's spending, so it is 0 once the import was refused for certain.
        currency: ISO 4217; None without a known price.
        state: State of the import.
        operation: The service's name of the operation; None until the outcome is known, if no reply
            came, or if another document has taken the place of the one that it made.
        document: Resource name of the document that was made; None if none was, or likewise.
        error: Why the import failed; None if it didn't.
        created_at: When the intent was written.
        completed_at: When the outcome was known; None likewise.
        refused: Whether the service refused the import for certain, so that it had no effect.
        expires_at: When the database may drop the entry.
        schema_version: Version of this record's schema.
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
    refused: bool = False
    schema_version: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an import ended: the fields of ``LedgerEntry`` that tell of its end."""

    state: ImportState
    completed_at: datetime
    operation: str | None = None
    document: str | None = None
    error: str | None = None


def known(entry: LedgerEntry, record: FileRecord | None) -> LedgerEntry:
    """The entry with the outcome that its file's record tells.

    Every failure is written. So an import without an outcome has succeeded if it isn't under way.
    Nothing is known of it if the record was lost or set aside since, or was rebuilt from a document
    of which it doesn't tell the import.
    """
    if entry.state is not ImportState.SENT or record is None or record.set_aside_in is not None:
        return entry
    current, call = record.current, record.import_call
    if current is not None:
        made = current.import_call
        if made is None:
            return entry
        if made.id == entry.operation_id:
            at = record.indexed_at or entry.created_at
            return ended(
                entry, Outcome(ImportState.SUCCEEDED, at, made.operation, current.document)
            )
    is_under_way = call is not None and call.id == entry.operation_id
    return entry if is_under_way else replace(entry, state=ImportState.SUCCEEDED)


def failed(operation: str | None, error: str, now: datetime) -> Outcome:
    """The outcome of an import that was refused, made no document, or whose document failed."""
    return Outcome(ImportState.FAILED, now, operation, error=error)


def store_lost(operation: str | None, store: str, now: datetime) -> Outcome:
    """The outcome of an import into a store that is gone. It may have taken effect before."""
    return failed(operation, f"the store {store} is gone, with whatever the import made", now)


def refused(entry: LedgerEntry, error: str, now: datetime) -> LedgerEntry:
    """The entry of an import that the service refused for certain: it had no effect, at no cost."""
    return replace(ended(entry, failed(None, error, now)), cost=0.0, refused=True)


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
