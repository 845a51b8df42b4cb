"""What a person may do to a running batch: cancel, pause, resume."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.batch.batch import Batch, BatchStatus
from shared.domain.errors import InvalidRequest, SyncError
from shared.gateways.database.records import Stored, batch_path
from shared.services.context import Context
from shared.services.lease.close_batch import CloseBatch


class NoSuchBatch(SyncError):
    """There is no batch of this id."""


class ControlBatch:
    """Steps under way finish; no new metered request is made while a batch isn't running."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def cancel(self, batch_id: str) -> Batch:
        """End the batch. What is left stays as it is, and the next sync goes on from there.

        Raises:
            NoSuchBatch: there is none.
            InvalidRequest: it is over already.
        """
        held = self._running(batch_id)
        close_batch = CloseBatch(self._context)
        status = BatchStatus.CANCELLED
        return close_batch.close_from_outside(held.path, status, "cancelled on request").present

    def pause(self, batch_id: str) -> Batch:
        """Stop new work until ``resume``; Scheduler's ticks don't end the pause."""
        return self._set(batch_id, BatchStatus.PAUSED)

    def resume(self, batch_id: str) -> Batch:
        """Go on."""
        batch = self._set(batch_id, BatchStatus.RUNNING)
        self._context.nudge(batch_id)
        return batch

    def _running(self, batch_id: str) -> Stored[Batch]:
        held = self._context.records.get(Batch, batch_path(batch_id))
        if held.record is None:
            raise NoSuchBatch(f"there is no batch {batch_id}")
        _check_running(held.record)
        return held

    def _set(self, batch_id: str, status: BatchStatus) -> Batch:
        def decide(stored: Stored[Batch]) -> Batch:
            if stored.record is None:
                raise NoSuchBatch(f"there is no batch {batch_id}")
            _check_running(stored.record)
            return replace(stored.record, status=status)

        return self._context.records.change(Batch, batch_path(batch_id), decide).present


def _check_running(batch: Batch) -> None:
    if batch.status.is_terminal:
        raise InvalidRequest(f"batch {batch.batch_id} is over: {batch.status}")
