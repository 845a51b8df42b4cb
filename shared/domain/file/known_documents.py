"""Which documents of the store a file's record knows of: none is ever forgotten."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.file.record import UNFINISHED, FileRecord


def documents_to_remove(record: FileRecord) -> tuple[str, ...]:
    """Every document this record knows of, oldest first."""
    ours = (*record.stale_documents, record.current_document, record.new_document)
    known = (*record.retired_documents, *ours)
    return tuple(dict.fromkeys(name for name in known if name))


def forerunners(record: FileRecord) -> tuple[str, ...]:
    """The documents that must go before ``new_document`` is the path's only one."""
    known = (*record.stale_documents, record.current_document)
    return tuple(dict.fromkeys(name for name in known if name and name != record.new_document))


def document_known(record: FileRecord, document: str) -> FileRecord:
    """The import's document; what the path held before is stale from here on."""
    return replace(record, new_document=document)


def document_gone(record: FileRecord) -> FileRecord:
    """The document that came of the import, or was doubted, was deleted."""
    gone = replace(record, new_document="", document_failed_at=None)
    return without_current(gone) if record.new_document == record.current_document else gone


def without_current(record: FileRecord) -> FileRecord:
    """Nothing of the path is known to be searchable in this store (any more)."""
    return replace(
        record, current_key="", current_document="", current_content_hash="", current_size=0
    )


def holding(
    record: FileRecord, document: str, *, key: str, content_hash: str, size: int
) -> FileRecord:
    """This document is the path's current one."""
    stale = tuple(name for name in record.stale_documents if name != document)
    return replace(
        record,
        current_key=key,
        current_document=document,
        current_content_hash=content_hash,
        current_size=size,
        stale_documents=stale,
    )


def documents_going(record: FileRecord) -> FileRecord:
    """Its documents are about to be deleted.

    None of them is the current one from here on, even if the object comes back before the
    deletion is noted.
    """
    going = documents_to_remove(record)
    return replace(
        without_current(record), stale_documents=going, new_document="", retired_documents=()
    )


def shelved(record: FileRecord) -> FileRecord:
    """An unverified document is never forgotten: it goes with the stale ones."""
    if not record.new_document:
        return record
    return replace(
        record,
        stale_documents=(*record.stale_documents, record.new_document),
        new_document="",
        document_failed_at=None,
    )


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
    # At rest nothing brings it into this store: it is as if nothing had been aimed at yet.
    aim = record.desired_key if record.status in UNFINISHED else ""
    return replace(without_current(kept_here), desired_key=aim)
