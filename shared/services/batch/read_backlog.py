"""What waits to be imported, read by aggregations: never record by record."""

from __future__ import annotations

from shared.domain.estimate.backlog import Backlog
from shared.domain.file.record import FileStatus
from shared.gateways.database import queries
from shared.services.context import Context


def read_backlog(context: Context) -> Backlog:
    """All that waits, whichever batch found it: a sync goes on with what others left."""
    documents = context.records.documents
    names = ["desired_size", "desired_tokens", "current_size"]
    sums = documents.sums(queries.to_import(), names)
    uploaded = documents.count(queries.with_status(FileStatus.UPLOADED))
    return Backlog(
        uploads=documents.count(queries.to_import()) - uploaded,
        imports=uploaded,
        bytes=sums["desired_size"],
        tokens=sums["desired_tokens"],
        replaced_bytes=sums["current_size"],
    )
