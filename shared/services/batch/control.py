"""Cancels, pauses and resumes a running batch on request."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.batch.batch import Batch, BatchStatus, is_batch_id
from shared.domain.errors import InvalidRequest, SyncError
from shared.gateways.database.records import Stored, batch_path
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.lease.close_batch import CloseBatch


class NoSuchBatch(SyncError):
    """No batch has this id."""


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
        before = status

        def decide(stored: Stored[Batch]) -> Batch:
            nonlocal before
            if stored.record is None:
                raise NoSuchBatch(f"there is no batch {batch_id}")
            _check_running(stored.record)
            before = stored.record.status
            return replace(stored.record, status=status)

        after = self._context.records.change(Batch, _path(batch_id), decide).present
        if before is status:
            return after
        if status is BatchStatus.PAUSED:
            said = f"Batch {batch_id} is paused on request, until somebody resumes it."
            emit(Event.BATCH_PAUSED, said, batch_id=batch_id)
        else:
            emit(Event.BATCH_RESUMED, f"Batch {batch_id} goes on.", batch_id=batch_id)
        return after


def _path(batch_id: str) -> str:
    """Where the batch's record is. Raises ``NoSuchBatch`` if no batch can have this id."""
    if not is_batch_id(batch_id):
        raise NoSuchBatch(f"there is no batch {batch_id!r}")
    return batch_path(batch_id)


def _check_running(batch: Batch) -> None:
    if batch.status.is_terminal:
        raise InvalidRequest(f"batch {batch.batch_id} is over: {batch.status}")
