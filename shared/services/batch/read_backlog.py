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
    size, tokens, replaced = documents.sums(queries.to_import(), names).values()
    uploaded = documents.count(queries.with_status(FileStatus.UPLOADED))
    return Backlog(
        uploads=documents.count(queries.to_import()) - uploaded,
        imports=uploaded,
        bytes=size,
        tokens=tokens,
        replaced_bytes=replaced,
    )
