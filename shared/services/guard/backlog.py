"""Counts and sums up the files that wait to be imported, by aggregations."""

from __future__ import annotations

from shared.domain.estimate.backlog import REPLACING, Backlog
from shared.domain.file.record import Change, FileStatus
from shared.gateways.database import queries
from shared.services.context import Context


def read_backlog(context: Context) -> Backlog:
    """All files that wait, whichever batch found them: a sync continues what others left."""
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


def staying_documents(context: Context) -> int:
    """How many files have a document that stays, or that an import replaces."""
    count = context.records.documents.count
    replaced = sum(count(queries.to_import_for(each)) for each in REPLACING)
    return count(queries.with_status(FileStatus.INDEXED)) + replaced
