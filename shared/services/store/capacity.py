"""The project's storage, watched: the service tells for nothing how much is used."""

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
"""Uploads are counted off what the last look found, so looks may be rare."""


def storage_used(gemini: Gemini) -> int:
    """Bytes that all stores of the project hold together, as the service counts them.

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
    """Looks at the storage, not more often than every so many ticks of a batch."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = CallGate(context)

    def is_due(self, batch: Batch) -> bool:
        """Whether it is time for a look; the first is before anything is uploaded."""
        last = batch.storage_looked_at
        wait = self._context.rules.tick * TICKS_BETWEEN_READS
        return last is None or self._context.clock.now() - last >= wait

    def measure(self, held: Stored[Batch]) -> Stored[Batch]:
        """Note how full the project's stores are; what was known stands where that can't be told.

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
        """Bytes of input that are being put into the store, less those that they replace."""
        documents = self._context.records.documents
        working, desired, current = (
            queries.WORKING_SIZE,
            queries.DESIRED_SIZE,
            queries.CURRENT_SIZE,
        )
        begun = documents.sums(queries.with_status(*IN_FLIGHT), [working, current])
        planned = documents.sums(queries.planned_uploads(), [desired, current])
        return begun[working] - begun[current] + planned[desired] - planned[current]

    def _warning(self, batch: Batch) -> str:
        """That little is left; nothing where that isn't so or isn't known."""
        cap = self._context.rules.settings.tier.storage_bytes
        near = batch.storage_used is not None and store_capacity.is_near_cap(
            batch.storage_used, cap
        )
        return self.usage_message(batch) if near else ""

    def usage_message(self, batch: Batch) -> str:
        """What is used of what, and what to do about it; nothing where it isn't known."""
        if batch.storage_used is None:
            return ""
        tier = self._context.rules.settings.tier
        return (
            f"the project's stores hold {size(batch.storage_used)} of the "
            f"{size(tier.storage_bytes)} of {tier.name}: delete documents or whole stores, or move "
            "up a tier"
        )
