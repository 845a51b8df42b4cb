"""The documents of the store that a file's record knows; none is dropped before it is deleted.

A deletion whose reply is lost may take effect late. So the record says which documents are going
before any request is sent: they become stale. A stale document counts again only if it is found in
the store when no earlier deletion can take effect any more.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.file.record import (
    UNFINISHED,
    Current,
    FileRecord,
    NewDocument,
    crowd_of,
    with_working,
)


def documents_to_remove(record: FileRecord) -> tuple[str, ...]:
    """Names of all documents that this record knows, oldest first."""
    ours = (*record.stale_documents, record.current_document, record.new_document)
    known = (*record.retired_documents, *ours)
    return tuple(dict.fromkeys(name for name in known if name))


def holds_one(record: FileRecord) -> bool:
    """Whether the current document, if any, is the only one in the store that syncs fill."""
    return not record.stale_documents and not record.new_document


def forerunners(record: FileRecord) -> tuple[str, ...]:
    """Names of the older documents to delete, so that the new one is the path's only one."""
    known = (*record.stale_documents, record.current_document)
    return tuple(dict.fromkeys(name for name in known if name and name != record.new_document))


def document_known(record: FileRecord, document: str) -> FileRecord:
    """The import's document is known from now on, but not yet verified."""
    return with_working(record, new_document=NewDocument(document))


def first_seen_failed(record: FileRecord, now: datetime) -> FileRecord:
    """The new document turned FAILED; it may still turn ACTIVE, so its grace period begins."""
    return with_working(record, new_document=NewDocument(record.new_document or "", failed_at=now))


def suspected(record: FileRecord, preset: int, now: datetime) -> FileRecord:
    """An import failed; if more than the preset were in progress, perhaps for that reason.

    The file then becomes a suspect, once for its content.
    """
    crowd = crowd_of(record)
    if crowd.beside <= preset or crowd.failed_beside:
        return record
    return with_working(record, crowd=replace(crowd, failed_beside=crowd.beside, failed_at=now))


def document_going(record: FileRecord, document: str) -> FileRecord:
    """A document of the import is about to be deleted: the file is not to be indexed with it.

    From now on it doesn't count, even if its deletion takes effect late.
    """
    is_new = record.new_document == document
    return replace(
        with_working(record, new_document=None) if is_new else record,
        current=None if record.current_document == document else record.current,
        stale_documents=tuple(dict.fromkeys((*record.stale_documents, document))),
    )


def document_gone(record: FileRecord, document: str) -> FileRecord:
    """A document that was about to be deleted is gone."""
    left = tuple(name for name in record.stale_documents if name != document)
    return replace(record, stale_documents=left)


def forerunners_going(record: FileRecord) -> FileRecord:
    """The older documents are about to be deleted: none of them counts from now on."""
    stays = record.current_document == record.new_document
    return replace(
        record,
        current=record.current if stays else None,
        stale_documents=forerunners(record),
    )


def holding(record: FileRecord, document: Current) -> FileRecord:
    """Make this document the path's current one."""
    stale = tuple(name for name in record.stale_documents if name != document.document)
    if record.current is not None and record.current_document == document.document:
        document = replace(document, import_call=record.current.import_call)
    return replace(record, current=document, stale_documents=stale)


def documents_going(record: FileRecord) -> FileRecord:
    """All documents of the record are about to be deleted.

    From now on none is the current one, even if the object comes back before the deletion is
    recorded.
    """
    going = documents_to_remove(record)
    return replace(
        with_working(record, new_document=None),
        current=None,
        stale_documents=going,
        retired_documents=(),
        schedule=replace(record.schedule, deadline=None),
    )


def shelved(record: FileRecord) -> FileRecord:
    """Move the unverified document, if any, to the stale ones, so that it is deleted with them."""
    if record.new_document is None:
        return record
    stale = (*record.stale_documents, record.new_document)
    return replace(with_working(record, new_document=None), stale_documents=stale)


def without_store(record: FileRecord, store: str) -> FileRecord:
    """The record without its documents in ``store``, which is gone with all that it held."""
    record = shelved(record)
    stale, retired = (
        tuple(name for name in names if not is_in(name, store))
        for names in (record.stale_documents, record.retired_documents)
    )
    current = None if is_in(record.current_document or "", store) else record.current
    return replace(record, stale_documents=stale, retired_documents=retired, current=current)


def is_in(document: str, store: str) -> bool:
    """Whether the document's resource name is one of this store."""
    return document.startswith(f"{store}/")


def taken_back(record: FileRecord, store: str) -> FileRecord:
    """The record for a listing of ``store``, which was left and is used again.

    The record doesn't know what it once had there: the listing tells what is left of it.
    """
    elsewhere = tuple(name for name in record.retired_documents if not is_in(name, store))
    return replace(record, retired_documents=elsewhere)


def moved_to_store(record: FileRecord, store: str) -> FileRecord:
    """The record for use with ``store``: documents in another store become retired.

    They are not deleted yet: the other store serves searches until the cut-over.
    """
    elsewhere = [
        name
        for name in (*record.stale_documents, record.current_document)
        if name and not is_in(name, store)
    ]
    if not elsewhere:
        return record
    retired = tuple(dict.fromkeys((*record.retired_documents, *elsewhere)))
    stale = tuple(name for name in record.stale_documents if name not in elsewhere)
    kept_here = replace(record, retired_documents=retired, stale_documents=stale)
    if record.current_document not in elsewhere:
        return kept_here
    # A file at rest has nothing under way into this store: clear ``desired``, as if never scanned.
    keeps_desired = record.status in UNFINISHED or record.skip_reason
    return replace(
        kept_here,
        current=None,
        desired=record.desired if keeps_desired else None,
        asks_first=False,
    )
