"""Cancels, pauses and resumes a running batch on request."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.batch.batch import Batch, BatchStatus, is_batch_id
from shared.domain.errors import InvalidRequest, NoSuchBatch
from shared.domain.throttle.breaker_state import BreakerState
from shared.gateways.database.records import BREAKER, Stored, batch_path, cas_retrying
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.lease.close_batch import CloseBatch
from shared.services.throttle.call_gate import CallGate


class ControlBatch:
    """Steps in progress finish; a batch that isn't running begins no metered request."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def cancel(self, batch_id: str) -> Batch:
        """Close the batch; the next sync continues with the files that are left.

        Raises:
            NoSuchBatch: no batch has this id.
            InvalidRequest: the batch is over.
        """
        held = self._running(batch_id)
        close_batch = CloseBatch(self._context)
        status = BatchStatus.CANCELLED
        return close_batch.close_from_outside(held.path, status, "cancelled on request").present

    def pause(self, batch_id: str) -> Batch:
        """Begin no new work until ``resume``; Cloud Scheduler's calls don't end the pause.

        Raises what ``cancel`` raises.
        """
        return self._set(batch_id, BatchStatus.PAUSED)

    def resume(self, batch_id: str) -> Batch:
        """Continue a paused batch. Raises what ``cancel`` raises."""
        batch = self._set(batch_id, BatchStatus.RUNNING)
        self._context.nudge(batch_id)
        return batch

    def _running(self, batch_id: str) -> Stored[Batch]:
        held = self._context.records.get(Batch, _path(batch_id))
        if held.record is None:
            raise NoSuchBatch(f"there is no batch {batch_id}")
        _check_running(held.record)
        return held

    def _set(self, batch_id: str, status: BatchStatus) -> Batch:
        path = _path(batch_id)
        retrying = cas_retrying(self._context.clock)
        before, after = retrying(lambda: self._write(batch_id, path, status))
        if before.status is status:
            return after
        if status is BatchStatus.PAUSED:
            said = f"Batch {batch_id} is paused on request, until somebody resumes it."
            emit(Event.BATCH_PAUSED, said, batch_id=batch_id)
        else:
            emit(Event.BATCH_RESUMED, f"Batch {batch_id} goes on.", batch_id=batch_id)
        return after

    def _write(self, batch_id: str, path: str, status: BatchStatus) -> tuple[Batch, Batch]:
        """Set the status, and whether the batch may begin metered requests, in one commit."""
        records = self._context.records
        held, breaker = records.get_all([(Batch, path), (BreakerState, BREAKER)])
        if held.record is None:
            raise NoSuchBatch(f"there is no batch {batch_id}")
        _check_running(held.record)
        begins = (batch_id, held.record.prefix) if status is BatchStatus.RUNNING else ("",)
        also = CallGate(self._context).running(*begins, known=breaker)
        new: Batch = replace(held.record, status=status)
        records.write(held, new, also)
        return held.record, new


def _path(batch_id: str) -> str:
    """Where the batch's record is. Raises ``NoSuchBatch`` if no batch can have this id."""
    if not is_batch_id(batch_id):
        raise NoSuchBatch(f"there is no batch {batch_id!r}")
    return batch_path(batch_id)


def _check_running(batch: Batch) -> None:
    if batch.status.is_terminal:
        raise InvalidRequest(f"batch {batch.batch_id} is over: {batch.status}")
