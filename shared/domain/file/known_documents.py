"""Which documents of the store a file's record knows of: none is ever forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.file.record import (
    UNFINISHED,
    Current,
    FileRecord,
    NewDocument,
    with_working,
)


def documents_to_remove(record: FileRecord) -> tuple[str, ...]:
    """Every document this record knows of, oldest first."""
    ours = (*record.stale_documents, record.current_document, record.new_document)
    known = (*record.retired_documents, *ours)
    return tuple(dict.fromkeys(name for name in known if name))


def forerunners(record: FileRecord) -> tuple[str, ...]:
    """The documents that must go before the new one is the path's only one."""
    known = (*record.stale_documents, record.current_document)
    return tuple(dict.fromkeys(name for name in known if name and name != record.new_document))


def document_known(record: FileRecord, document: str) -> FileRecord:
    """The import's document; what the path held before is stale from here on."""
    return with_working(record, new_document=NewDocument(document))


def first_seen_failed(record: FileRecord, now: datetime) -> FileRecord:
    """The new document turned FAILED, which may pass: its grace period begins."""
    return with_working(record, new_document=NewDocument(record.new_document or "", failed_at=now))


def document_gone(record: FileRecord) -> FileRecord:
    """The document that came of the import, or was doubted, was deleted."""
    gone = with_working(record, new_document=None)
    return replace(gone, current=None) if record.new_document == record.current_document else gone


def holding(record: FileRecord, document: Current) -> FileRecord:
    """This document is the path's current one."""
    stale = tuple(name for name in record.stale_documents if name != document.document)
    return replace(record, current=document, stale_documents=stale)


def documents_going(record: FileRecord) -> FileRecord:
    """Its documents are about to be deleted.

    None of them is the current one from here on, even if the object comes back before the
    deletion is noted.
    """
    going = documents_to_remove(record)
    return replace(
        with_working(record, new_document=None),
        current=None,
        stale_documents=going,
        retired_documents=(),
    )


def shelved(record: FileRecord) -> FileRecord:
    """An unverified document is never forgotten: it goes with the stale ones."""
    if record.new_document is None:
        return record
    stale = (*record.stale_documents, record.new_document)
    return replace(with_working(record, new_document=None), stale_documents=stale)


def moved_to_store(record: FileRecord, store: str) -> FileRecord:
    """The record as one of ``store``: what it has in another one is retired, not deleted.

    Until a cut-over the other store serves searches, so its documents go last.
    """
    elsewhere = [
        name
        for name in (*record.stale_documents, record.current_document)
        if name and not name.startswith(f"{store}/")
    ]
    if not elsewhere:
        return record
    retired = tuple(dict.fromkeys((*record.retired_documents, *elsewhere)))
    stale = tuple(name for name in record.stale_documents if name not in elsewhere)
    kept_here = replace(record, retired_documents=retired, stale_documents=stale)
    if record.current_document not in elsewhere:
        return kept_here
    # A file at rest has nothing on its way into this store: it counts as never scanned.
    is_aimed = record.status in UNFINISHED or record.skip_reason
    return replace(kept_here, current=None, desired=record.desired if is_aimed else None)
