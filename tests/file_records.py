"""Parts of file records for tests; the defaults describe one small file, a.md."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.file.record import (
    Current,
    Desired,
    FileRecord,
    ImportCall,
    NewDocument,
    RawFile,
    Working,
)


def desired(key: str | None = "k1", skip_reason: str | None = None) -> Desired:
    return Desired(key, skip_reason, content_hash="h1", size=7)


def working(
    key: str = "k1",
    *,
    raw_file: RawFile | None = None,
    import_call: ImportCall | None = None,
    new_document: NewDocument | None = None,
) -> Working:
    return Working(key, "h1", 7, raw_file, import_call, new_document)


def current(document: str = "d1", key: str = "k1") -> Current:
    return Current(key, document, "h1", 7)


def wanting(record: FileRecord, key: str) -> FileRecord:
    """The record with ``key`` as the content key that the bucket wants."""
    return replace(record, desired=replace(record.desired or Desired(), key=key))


def raw_name(record: FileRecord) -> str:
    """Resource name of the record's raw file, which must exist."""
    assert record.raw_file is not None
    return record.raw_file.name


def is_document_failed(record: FileRecord) -> bool:
    """Whether the import's document was seen FAILED."""
    document = record.working.new_document if record.working else None
    return document is not None and document.failed_at is not None


def document_name(record: FileRecord) -> str:
    """Resource name of the current document, which must exist."""
    assert record.current is not None
    return record.current.document
