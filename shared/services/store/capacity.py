"""Measures how much of the project's storage is used; the requests are unmetered."""

from __future__ import annotations

from typing import Final

from shared.domain.batch.batch import Batch
from shared.domain.errors import GatewayError
from shared.domain.estimate import store_capacity
from shared.domain.figures import size
from shared.domain.file.record import IN_FLIGHT
from shared.gateways.database import queries
from shared.gateways.database.records import Stored
from shared.gateways.ports import Gemini
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.lease.held_batch import changed
from shared.services.throttle.call_gate import CallGate

TICKS_BETWEEN_READS: Final = 10
"""Planned uploads are subtracted from the last measured room, so measuring may be rare."""


def storage_used(gemini: Gemini) -> int:
    """Bytes in all stores of the project, as the service counts them.

    Raises:
        GatewayError: the stores can't be listed.
    """
    used, token = 0, ""
    while True:
        page = gemini.list_stores(token)
        used += sum(store.size_bytes for store in page.stores)
        token = page.next_page_token
        if not token:
            return used


class CapacityWatch:
    """Measures the storage, as a rule once in ``TICKS_BETWEEN_READS`` ticks of the supervisor."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = CallGate(context)

    def is_due(self, batch: Batch) -> bool:
        """Whether the storage is to be measured now; always before the batch's first upload."""
        last = batch.storage_looked_at
        wait = self._context.rules.tick * TICKS_BETWEEN_READS
        return last is None or self._context.clock.now() - last >= wait

    def measure(self, held: Stored[Batch]) -> Stored[Batch]:
        """Measure the storage and save the result with the batch.

        If the stores can't be listed, the last result stays. A warning that the storage is nearly
        full becomes the batch's message if it has none.

        Raises:
            LostLease: another call supervises the batch.
        """
        measured: dict[str, int] = {}
        try:
            measured = self._measured()
        except GatewayError as error:
            self._gate.unmetered_failed(error)
        held = changed(self._context, held, storage_looked_at=self._context.clock.now(), **measured)
        warning = self._warning(held.present)
        if not warning or held.present.message:
            return held
        return changed(self._context, held, message=warning)

    def _measured(self) -> dict[str, int]:
        used = storage_used(self._context.gemini)
        cap = self._context.rules.settings.tier.storage_bytes
        if store_capacity.is_near_cap(used, cap):
            emit(Event.STORAGE_NEAR_CAP, bytes=used, cap=cap)
        room = store_capacity.room_for(used, cap, self._bytes_under_way())
        return {"storage_used": used, "storage_room": room}

    def _bytes_under_way(self) -> int:
        """Bytes of input on their way into the store, less those that they replace."""
        documents = self._context.records.documents
        working, desired, current = (
            queries.WORKING_SIZE,
            queries.DESIRED_SIZE,
            queries.CURRENT_SIZE,
        )
        begun = documents.sums(queries.with_status(*IN_FLIGHT), [working, current])
        planned = documents.sums(queries.planned_uploads(), [desired, current])
        return int(begun[working] - begun[current] + planned[desired] - planned[current])

    def _warning(self, batch: Batch) -> str:
        """The message that the storage is nearly full; empty if it is not, or was not measured."""
        cap = self._context.rules.settings.tier.storage_bytes
        near = batch.storage_used is not None and store_capacity.is_near_cap(
            batch.storage_used, cap
        )
        return self.usage_message(batch) if near else ""

    def usage_message(self, batch: Batch) -> str:
        """How much of the storage is used, and what to do; empty if it was not measured."""
        if batch.storage_used is None:
            return ""
        tier = self._context.rules.settings.tier
        return (
            f"the project's stores hold {size(batch.storage_used)} of the "
            f"{size(tier.storage_bytes)} of {tier.name}: delete documents or whole stores, or move "
            "up a tier"
        )
