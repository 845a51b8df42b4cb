"""The supervisor: an idempotent call that does whatever the running batch needs now.

Cloud Scheduler makes the call every minute, and nudges make it sooner. Each call continues what was
interrupted before it, so a broken chain of tasks never stops a batch. One call works at a time.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain.batch import lease as leases
from shared.domain.batch.batch import Batch
from shared.domain.batch.lease import Lease, LeaseHeld
from shared.domain.errors import AlreadyExists, Conflict, LostLease
from shared.gateways.database.records import LEASE, Records, Stored, creating, updating
from shared.gateways.ports import Write
from shared.log_labels import labelled
from shared.services.batch.ask_sync import AskedSyncs
from shared.services.batch.run import RunningBatch, Supervision
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.lease.acquire import acquired
from shared.services.lease.close_batch import CloseBatch
from shared.services.lease.fencing import FencedDocuments
from shared.services.lease.holder import holder_of


class Supervise:
    """Handles one call of the supervisor."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._close_batch = CloseBatch(context)

    def __call__(self) -> Supervision:
        """Advance the running batch, if there is one and no other call supervises it.

        If there is none, a sync that the bucket's notifications asked for begins in its time.

        Raises:
            GatewayError: Gemini, the bucket, Firestore or Cloud Tasks failed; the next call tries
                again.
        """
        lease = self._context.records.get(Lease, LEASE)
        batch = holder_of(self._context, lease.record)
        if batch is None:
            begun = AskedSyncs(self._context).begin(lease.record)
            return Supervision(begun.batch_id, begun.status) if begun else Supervision()
        if batch.record is None:
            return Supervision()
        if batch.record.status.is_terminal:
            if not batch.record.is_supervised(batch.read_time):
                self._close_batch.release_lease(
                    batch.record
                )  # the call that closed it was interrupted
            return Supervision()
        with labelled(batch=batch.record.batch_id, step="supervise"):
            return self._supervised(lease, batch)

    def _supervised(self, lease: Stored[Lease], batch: Stored[Batch]) -> Supervision:
        try:
            held = self._take(lease, batch)
        except (Conflict, AlreadyExists):
            return Supervision(batch.present.batch_id, "busy")
        except LeaseHeld:
            return Supervision(batch.present.batch_id, "waiting to take over")
        if held is None:
            return Supervision(batch.present.batch_id, "busy")
        documents = self._fenced(held)
        context = replace(self._context, records=Records(documents, self._context.clock))
        try:
            return RunningBatch(context).advance(held)
        except (AlreadyExists, Conflict, LostLease):
            return Supervision(batch.present.batch_id, "overtaken")
        finally:
            self._hand_back(held, documents.known)

    # --- the supervisor's claim of the batch ------------------------------------------------

    def _take(self, lease: Stored[Lease], batch: Stored[Batch]) -> Stored[Batch] | None:
        """Become the supervisor and renew the lease, in one commit; None if another call is.

        An expired lease is acquired again for the same batch, with the next fence. So is one whose
        record was deleted, at once: no other batch can have it, and a call that is still at work
        for this one has its claim in the batch.
        """
        context, now = self._context, batch.read_time
        known = batch.present
        if known.is_supervised(now):
            return None
        policy = context.rules.lease
        try:
            renewed = leases.renew(
                lease.record, known.batch_id, known.nonce, known.fence, now, policy
            )
        except LostLease:
            renewed = acquired(context, lease.record, known.batch_id, context.new_id(), now)
        taken = replace(
            known,
            supervisor=context.new_id(),
            supervised_until=now + context.rules.work_budget * 1.25,
            nonce=renewed.nonce,
            fence=renewed.fence,
        )
        writes: list[Write] = [updating(batch.path, taken, batch.version, known)]
        if lease.record is None:
            writes.append(creating(LEASE, renewed))
        elif renewed != lease.record:
            writes.append(updating(LEASE, renewed, lease.version, lease.record))
        versions = context.records.documents.commit(writes)
        if taken.fence != known.fence:
            emit(
                Event.LEASE_TAKEN_OVER,
                f"Batch {taken.batch_id} goes on under fence {taken.fence}: its supervisor's lease "
                "had ended.",
                batch_id=taken.batch_id,
                fence=taken.fence,
            )
        return Stored(batch.path, taken, versions[0], now)

    def _fenced(self, held: Stored[Batch]) -> FencedDocuments:
        """Documents that are written only while this call supervises the batch and it is open."""
        mine = held.present.supervisor
        return FencedDocuments(
            self._context.records,
            held,
            lambda known: known.supervisor == mine and not known.status.is_terminal,
        )

    def _hand_back(self, held: Stored[Batch], known: Stored[Batch] | None) -> None:
        """Stop being the supervisor; release the lease if the batch was closed meanwhile.

        ``known`` is the batch as this call knows it, if it is still this call's.
        """
        mine = held.present.supervisor

        def decide(stored: Stored[Batch]) -> Batch | None:
            if stored.record is None or stored.record.supervisor != mine:
                return None
            return replace(stored.record, supervisor="", supervised_until=None)

        after = self._context.records.change(Batch, held.path, decide, known=known).record
        if after is not None and after.status.is_terminal:
            self._close_batch.release_lease(after)
