"""Changes a batch as its supervisor."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.batch.batch import Batch
from shared.domain.errors import LostLease
from shared.gateways.database.records import Stored
from shared.services.context import Context
from shared.services.events import Event, emit


def changed(context: Context, held: Stored[Batch], **changes: object) -> Stored[Batch]:
    """Change fields of the batch, as long as the supervisor in ``held`` supervises it.

    Raises:
        LostLease: the batch is over, or another call supervises it.
    """
    mine = held.present.supervisor

    def decide(stored: Stored[Batch]) -> Batch:
        if stored.present.status.is_terminal or stored.present.supervisor != mine:
            raise LostLease("the batch is over, or another call supervises it")
        return replace(stored.present, **changes)  # type: ignore[arg-type]  # field names

    after = context.records.change(Batch, held.path, decide, known=held)
    phase = after.present.phase
    if phase is not held.present.phase:
        batch_id = after.present.batch_id
        emit(
            Event.PHASE_BEGAN,
            f"Batch {batch_id} is {phase}.",
            batch_id=batch_id,
            phase=phase.value,
        )
    return after
