"""The end of a batch: its figures are fixed and the lease is released, in one write."""

from __future__ import annotations

from dataclasses import replace

from shared.domain import lease as leases
from shared.domain.batches import Batch, BatchPhase, BatchStatus
from shared.domain.errors import LostLease
from shared.domain.files import FileStatus
from shared.domain.lease import Lease
from shared.gateways import queries
from shared.gateways.ports import Write
from shared.gateways.records import LEASE, Stored, cas_retrying, updating
from shared.services.context import Context
from shared.services.drift import Drift
from shared.services.events import Event, emit

REMOVALS_REFUSED = "removals_refused"
"""Among a batch's counts: how many deletions its guard refused."""


class Closing:
    """Closes batches."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def finish(self, held: Stored[Batch], drift: Drift) -> Stored[Batch]:
        """Close a batch that did all it could."""
        counts = self.counts(held.present)
        message = held.present.message
        status = BatchStatus.COMPLETED
        if counts["failed"]:
            status = BatchStatus.COMPLETED_WITH_FAILURES
        if REMOVALS_REFUSED in held.present.counts:
            status = BatchStatus.REFUSED
        return self.close(held, status, " ".join(filter(None, (message, str(drift)))))

    def close(self, held: Stored[Batch], status: BatchStatus, message: str) -> Stored[Batch]:
        """Close the batch as its supervisor, and release the lease.

        Raises:
            LostLease: another call supervises it by now.
            Conflict: the batch or the lease keep changing.
        """
        by = held.present.supervisor
        return self._close_retrying(held.path, status, message, by)

    def close_from_outside(self, path: str, status: BatchStatus, message: str) -> Stored[Batch]:
        """Close the batch whoever supervises it.

        A call that is at work finishes its step; until it hands back, the lease stays taken.
        """
        return self._close_retrying(path, status, message, "")

    def _close_retrying(
        self, path: str, status: BatchStatus, message: str, by: str
    ) -> Stored[Batch]:
        retrying = cas_retrying(self._context.clock)
        return retrying(lambda: self._close(path, status, message, by))

    def _close(self, path: str, status: BatchStatus, message: str, by: str) -> Stored[Batch]:
        context = self._context
        batch = context.records.get(Batch, path)
        if batch.present.status.is_terminal:
            return batch
        if by and batch.present.supervisor != by:
            raise LostLease("another call supervises the batch")
        busy = batch.present.is_supervised(batch.read_time) and batch.present.supervisor != by
        closed = replace(
            batch.present,
            status=status,
            phase=BatchPhase.CLOSED,
            message=message,
            counts={**batch.present.counts, **self.counts(batch.present)},
            requests=self.requests(batch.present),
            supervisor=batch.present.supervisor if busy else "",
            supervised_until=batch.present.supervised_until if busy else None,
            completed_at=context.clock.now(),
        )
        writes: list[Write] = [updating(batch.path, closed, batch.version, batch.record)]
        if not busy:
            writes += self._releasing(closed)
        versions = context.records.documents.commit(writes)
        counted = {name: closed.counts.get(name, 0) for name in ("indexed", "deleted", "failed")}
        emit(
            Event.BATCH_CLOSED,
            batch_id=closed.batch_id,
            status=closed.status.value,
            detail=closed.message,
            dry_run=closed.dry_run,
            **counted,
        )
        return Stored(batch.path, closed, versions[0], batch.read_time)

    def _releasing(self, batch: Batch) -> list[Write]:
        """The write that releases the batch's lease; none where it isn't the batch's (any more)."""
        lease = self._context.records.get(Lease, LEASE)
        try:
            released = leases.release(
                lease.record, batch.batch_id, batch.nonce, batch.fence, lease.read_time
            )
        except LostLease:
            return []
        if released == lease.record:
            return []
        return [updating(LEASE, released, lease.version, lease.record)]

    def let_go(self, batch: Batch) -> None:
        """Release the lease of a batch that is over and has no supervisor at work."""
        writes = self._releasing(batch)
        if writes:
            self._context.records.documents.commit(writes)

    def counts(self, batch: Batch) -> dict[str, int]:
        """What became of the batch's files so far. ``failed`` counts every file that is."""
        documents = self._context.records.documents
        return {
            "indexed": documents.count(queries.of_batch(batch.batch_id, FileStatus.INDEXED)),
            "deleted": documents.count(queries.removed_in(batch.batch_id)),
            "failed": documents.count(queries.with_status(FileStatus.FAILED)),
        }

    def requests(self, batch: Batch) -> dict[str, int]:
        """Requests made for the batch's files so far."""
        kinds = ("metered", "throttled", "unmetered")
        return self._context.records.documents.sums(queries.all_of_batch(batch.batch_id), kinds)
