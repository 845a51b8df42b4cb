"""Measures how much of the project's storage is used; the requests are unmetered."""

from __future__ import annotations

from typing import Any, Final

from shared.domain.batch.batch import Batch
from shared.domain.errors import GatewayError
from shared.domain.estimate import storage_reading, store_capacity
from shared.domain.estimate.storage_reading import StorageReading, StorageUse
from shared.domain.figures import size
from shared.domain.file.record import IN_FLIGHT
from shared.domain.throttle import holds
from shared.domain.throttle.holds import Hold, HoldReason
from shared.gateways.database import queries
from shared.gateways.database.records import STORAGE, Stored
from shared.gateways.ports import Gemini
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.lease.held_batch import changed
from shared.services.throttle.call_gate import CallGate

TICKS_BETWEEN_READS: Final = 10
"""Planned uploads are subtracted from the last measured room, so measuring may be rare."""


def storage_use(context: Context, *, learns: bool) -> StorageUse:
    """How much of the project's storage is used, by the stores' sizes and what is known of them.

    Args:
        context: The ports and rules.
        learns: Whether to save what the sizes teach; not in a dry run.

    Raises:
        GatewayError: the stores can't be listed.
    """
    reported, tier = _reported(context.gemini), context.rules.settings.tier
    now = context.clock.now()

    def decide(stored: Stored[StorageReading]) -> StorageReading | None:
        return storage_reading.measured(stored.record, tier, reported, now)

    if learns:
        reading = context.records.change(StorageReading, STORAGE, decide).record
    else:
        stored = context.records.get(StorageReading, STORAGE)
        reading = decide(stored) or stored.record
    return storage_reading.use_of(reading, tier, reported, now)


def _reported(gemini: Gemini) -> int:
    """The sizes of all stores of the project."""
    size_bytes, token = 0, ""
    while True:
        page = gemini.list_stores(token)
        size_bytes += sum(store.size_bytes for store in page.stores)
        token = page.next_page_token
        if not token:
            return size_bytes


class CapacityWatch:
    """Measures the storage, as a rule once in ``TICKS_BETWEEN_READS`` ticks of the supervisor."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = CallGate(context)

    def is_due(self, batch: Batch, hold: Hold | None) -> bool:
        """Whether the storage is to be measured now.

        That is before the batch's first upload, and after a refusal: it has begun a hold, and tells
        how the sizes measured now are to be read.
        """
        now, last = self._context.clock.now(), batch.storage_looked_at
        if last is None or now - last >= self._context.rules.tick * TICKS_BETWEEN_READS:
            return True
        hold = holds.in_force(hold, now)
        if hold is None or hold.reason is not HoldReason.STORAGE:
            return False
        return hold.set_at is not None and last <= hold.set_at

    def measure(self, held: Stored[Batch]) -> Stored[Batch]:
        """Measure the storage and save the result with the batch.

        If the stores can't be listed, the last result stays. A warning that the storage is nearly
        full becomes the batch's message if it has none.

        Raises:
            LostLease: another call supervises the batch.
        """
        measured: dict[str, Any] = {}
        try:
            measured = self._measured()
        except GatewayError as error:
            self._gate.unmetered_failed(error)
        held = changed(self._context, held, storage_looked_at=self._context.clock.now(), **measured)
        warning = self._warning(held.present)
        if not warning or held.present.message:
            return held
        return changed(self._context, held, message=warning)

    def probe_room(self, batch: Batch) -> int | None:
        """Bytes of input that a single upload may have although the careful reading has no room.

        Otherwise the service would never be asked, and nothing ever learned. Its refusal costs no
        embedding and tells what its sizes count; so does a size that the careful reading forbids.
        None if that is known already.
        """
        use = batch.storage
        if use is None or not use.is_assumed:
            return None
        return store_capacity.room_for(use.reported, use.cap, self._bytes_under_way())

    def _measured(self) -> dict[str, Any]:
        use = storage_use(self._context, learns=True)
        if store_capacity.is_near_cap(use.used, use.cap):
            emit(
                Event.STORAGE_NEAR_CAP,
                f"The project's stores hold {size(use.used)} of the {size(use.cap)} that the tier "
                "allows.",
                bytes=use.used,
                cap=use.cap,
            )
        room = store_capacity.room_for(use.used, use.cap, self._bytes_under_way())
        return {"storage": use, "storage_room": room}

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
        use = batch.storage
        near = use is not None and store_capacity.is_near_cap(use.used, use.cap)
        return self.usage_message(batch) if near else ""

    def usage_message(self, batch: Batch) -> str:
        """How much of the storage is used, and what to do; empty if it was not measured."""
        use = batch.storage
        if use is None:
            return ""
        tier = self._context.rules.settings.tier.name
        whose = "that the service named" if use.cap_is_named else f"of {tier}"
        return (
            f"the project's stores hold {size(use.used)} of the {size(use.cap)} {whose} (they "
            f"report {size(use.reported)}; judged by {use.judged_by}): delete documents or whole "
            "stores, or move up a tier"
        )
