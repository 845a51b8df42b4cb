"""Acquires the writer's lease under a fence that no record knows yet."""

from __future__ import annotations

from datetime import datetime

from shared.domain.batch import lease as leases
from shared.domain.batch.lease import Lease
from shared.gateways.database import queries
from shared.services.context import Context


def acquired(
    context: Context, lease: Lease | None, holder: str, nonce: str, now: datetime
) -> Lease:
    """The lease, acquired by ``holder``; see ``leases.acquire``. The caller writes it.

    Its fence is higher than that of every file and batch, so a lease that was deleted, or restored
    from a backup, gives out no fence again. That costs two reads.

    Raises:
        LeaseHeld: another holder has it, or may still be working.
    """
    policy, floor = context.rules.lease, _highest_fence(context)
    return leases.acquire(lease, holder, nonce, now, policy, floor=floor)


def _highest_fence(context: Context) -> int:
    documents = context.records.documents
    found = [
        document
        for query in (queries.file_of_highest_fence(), queries.batch_of_highest_fence())
        for document in documents.query(query)
    ]
    return max((int((each.fields or {})[queries.FENCE]) for each in found), default=0)
