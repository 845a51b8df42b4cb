"""Finds the batch that holds the writer's lease."""

from __future__ import annotations

from shared.domain.batch.batch import Batch
from shared.domain.batch.lease import Lease
from shared.gateways.database import queries
from shared.gateways.database.records import Stored, batch_path
from shared.services.context import Context


def holder_of(context: Context, lease: Lease | None) -> Stored[Batch] | None:
    """The batch that holds the lease, without a record if that was deleted; None if it is free.

    The lease's own record may have been deleted while a batch ran. Only the latest batch can be
    open, so that is the holder then.
    """
    if lease is not None:
        held = bool(lease.holder) and not lease.released
        return context.records.get(Batch, batch_path(lease.holder)) if held else None
    for latest in context.records.query(Batch, queries.latest_batches(1)):
        if not latest.present.status.is_terminal:
            return latest
    return None
