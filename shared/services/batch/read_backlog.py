"""Counts and sums up the files that wait to be imported, by aggregations."""

from __future__ import annotations

from shared.domain.estimate.backlog import Backlog
from shared.domain.file.record import FileStatus
from shared.gateways.database import queries
from shared.services.context import Context


def read_backlog(context: Context) -> Backlog:
    """All files that wait, whichever batch found them: a sync continues what others left."""
    documents = context.records.documents
    names = (queries.DESIRED_SIZE, queries.DESIRED_TOKENS, queries.CURRENT_SIZE)
    sums = documents.sums(queries.to_import(), names)
    uploaded = documents.count(queries.with_status(FileStatus.UPLOADED))
    again = queries.to_import_again()
    return Backlog(
        uploads=documents.count(queries.to_import()) - uploaded,
        imports=uploaded,
        bytes=int(sums[queries.DESIRED_SIZE]),
        tokens=int(sums[queries.DESIRED_TOKENS]),
        replaced_bytes=int(sums[queries.CURRENT_SIZE]),
        metadata_files=documents.count(again),
        metadata_tokens=int(
            documents.sums(again, [queries.DESIRED_TOKENS])[queries.DESIRED_TOKENS]
        ),
    )
