"""Counts and sums up the files that wait to be imported, by aggregations."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.estimate.backlog import REPLACING, Backlog, work_of
from shared.domain.file.record import Change, FileRecord, FileStatus
from shared.domain.ids import file_id
from shared.gateways.database import queries
from shared.services.context import Context

AT_ONCE = 500
"""Records of a part that are read at once."""


def read_backlog(context: Context, part: str = "") -> Backlog:
    """All files that wait, whichever batch found them: a sync continues what others left.

    Those of a part, if its prefix is given: these are read, since no index has their sums.
    """
    if part:
        return _backlog_of(context, part)
    documents = context.records.documents
    names = (queries.DESIRED_SIZE, queries.DESIRED_TOKENS, queries.CURRENT_SIZE)
    sums = documents.sums(queries.to_import(), names)
    uploaded = documents.count(queries.with_status(FileStatus.UPLOADED))
    metadata_changed = queries.to_import_for(Change.METADATA_CHANGED)
    metadata_sums = documents.sums(metadata_changed, [queries.DESIRED_TOKENS])
    return Backlog(
        uploads=documents.count(queries.to_import()) - uploaded,
        imports=uploaded,
        bytes=int(sums[queries.DESIRED_SIZE]),
        tokens=int(sums[queries.DESIRED_TOKENS]),
        replaced_bytes=int(sums[queries.CURRENT_SIZE]),
        staying=staying_documents(context),
        metadata_files=documents.count(metadata_changed),
        metadata_tokens=int(metadata_sums[queries.DESIRED_TOKENS]),
    )


def _backlog_of(context: Context, part: str) -> Backlog:
    total = Backlog()
    query = replace(queries.below(part, queries.to_import()), limit=AT_ONCE)
    page = query
    while found := context.records.query(FileRecord, page):
        for stored in found:
            total += work_of(stored.present, lambda _: False)
        page = query.after(found[-1].present.path, file_id(found[-1].present.path))
    return replace(total, staying=staying_documents(context))


def staying_documents(context: Context) -> int:
    """How many files have a document that stays, or that an import replaces."""
    count = context.records.documents.count
    replaced = sum(count(queries.to_import_for(each)) for each in REPLACING)
    return count(queries.with_status(FileStatus.INDEXED)) + replaced
