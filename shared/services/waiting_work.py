"""What waits to be imported, read by aggregations: never record by record."""

from __future__ import annotations

from shared.domain.workload import Workload
from shared.gateways import queries
from shared.services.context import Context


def waiting_work(context: Context) -> Workload:
    """All that waits, whichever batch found it: a sync goes on with what others left."""
    documents = context.records.documents
    sums = documents.sums(queries.to_import(), ["desired_size", "desired_tokens"])
    return Workload(
        files=documents.count(queries.to_import()),
        bytes=sums["desired_size"],
        tokens=sums["desired_tokens"],
    )
