"""Names the running batch in the breaker's record again, which was lost."""

from __future__ import annotations

from contextlib import suppress

from shared.domain.batch.batch import Batch
from shared.domain.errors import AlreadyExists, Conflict
from shared.domain.throttle.breaker_state import BreakerState
from shared.gateways.database.records import BREAKER, Stored
from shared.gateways.ports import Update
from shared.services.context import Context
from shared.services.throttle.call_gate import CallGate


def name_again(context: Context, held: Stored[Batch]) -> None:
    """Name the batch, so that it may begin metered requests; not if it was paused just now."""
    records, batch = context.records, held.present
    breaker = records.get(BreakerState, BREAKER)
    is_unchanged = Update(held.path, {"fence": batch.fence}, held.version)
    writes = CallGate(context).running(batch.batch_id, batch.prefix, known=breaker)
    with suppress(AlreadyExists, Conflict):
        records.documents.commit([*writes, is_unchanged])
