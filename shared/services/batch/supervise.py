"""The supervisor: one idempotent call at a time sees to everything the running batch may need.

Scheduler makes it every minute, nudges make it sooner; whatever was interrupted, the next call
goes on. So no chain of tasks can break for good, and nobody has to watch.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain.batch import lease as leases
from shared.domain.batch.batch import Batch
from shared.domain.batch.lease import Lease, LeaseHeld
from shared.domain.errors import AlreadyExists, Conflict, LostLease
from shared.gateways.database.records import LEASE, Stored, batch_path, updating
from shared.gateways.ports import Write
from shared.services.batch.run import RunningBatch, Supervision
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.lease.close_batch import CloseBatch
from shared.services.lease.fencing import fenced


class Supervise:
    """Moves the running batch on, if there is one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._close_batch = CloseBatch(context)

    def __call__(self) -> Supervision:
        """One call: at most one at a time works, the others leave at once.

        Raises:
            GatewayError: Gemini or the bucket failed; the next call tries again.
            Unavailable: our own infrastructure failed; likewise.
        """
        lease = self._context.records.get(Lease, LEASE)
        if lease.record is None or lease.record.released:
            return Supervision()
        batch = self._context.records.get(Batch, batch_path(lease.record.holder))
        if batch.record is None:
            return Supervision()
        if batch.record.status.is_terminal:
            if not batch.record.is_supervised(batch.read_time):
                self._close_batch.release_lease(batch.record)  # its closing was interrupted
            return Supervision()
        try:
            held = self._take(lease, batch)
        except (Conflict, AlreadyExists):
            return Supervision(batch.record.batch_id, "busy")
        except LeaseHeld:
            return Supervision(batch.record.batch_id, "waiting to take over")
        if held is None:
            return Supervision(batch.record.batch_id, "busy")
        try:
            return RunningBatch(self._fenced(held)).advance(held)
        except (AlreadyExists, Conflict, LostLease):
            return Supervision(batch.record.batch_id, "overtaken")
        finally:
            self._hand_back(held)

    # --- whose turn it is -------------------------------------------------------------------

    def _take(self, lease: Stored[Lease], batch: Stored[Batch]) -> Stored[Batch] | None:
        """Become the supervisor and renew the lease, in one write; None where one is at work.

        A lease that ran out is acquired anew for the same batch, under the next fence.
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
            renewed = leases.acquire(lease.record, known.batch_id, context.new_id(), now, policy)
        taken = replace(
            known,
            supervisor=context.new_id(),
            supervised_until=now + context.rules.work_budget * 1.25,
            nonce=renewed.nonce,
            fence=renewed.fence,
        )
        writes: list[Write] = [updating(batch.path, taken, batch.version, known)]
        if renewed != lease.record:
            writes.append(updating(LEASE, renewed, lease.version, lease.record))
        versions = context.records.documents.commit(writes)
        if taken.fence != known.fence:
            emit(Event.LEASE_TAKEN_OVER, batch_id=taken.batch_id, fence=taken.fence)
        return Stored(batch.path, taken, versions[0], now)

    def _fenced(self, held: Stored[Batch]) -> Context:
        """Writing only while this call is the supervisor of a batch that isn't over."""
        mine = held.present.supervisor
        return fenced(
            self._context,
            held,
            lambda known: known.supervisor == mine and not known.status.is_terminal,
        )

    def _hand_back(self, held: Stored[Batch]) -> None:
        mine = held.present.supervisor

        def decide(stored: Stored[Batch]) -> Batch | None:
            if stored.record is None or stored.record.supervisor != mine:
                return None
            return replace(stored.record, supervisor="", supervised_until=None)

        after = self._context.records.change(Batch, held.path, decide).record
        if after is not None and after.status.is_terminal:
            self._close_batch.release_lease(after)  # closed from outside meanwhile
