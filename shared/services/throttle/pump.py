"""The pump: assigns slots for metered requests to files, one short horizon ahead.

Files wait in the records, not in the queue. So no task waits long enough to expire, a slower pace
takes effect at once, and queue and memory stay small however large the bucket is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.estimate.budget import Room, Spare, Spending
from shared.domain.file import lifecycle
from shared.domain.file.record import FileRecord, FileStatus, Slot
from shared.domain.throttle import breaker, holds, spacing
from shared.domain.throttle.breaker_state import BreakerState, CircuitState
from shared.domain.throttle.daily_quota import DailyQuota
from shared.gateways.database import queries
from shared.gateways.database.records import Stored, updating
from shared.gateways.ports import QueueName
from shared.services.context import Context
from shared.services.throttle.budget import Budget, is_ready
from shared.services.throttle.import_room import Begun, ImportRoom, ImportRooms
from shared.services.throttle.ready_files import PASSED_OVER, ReadyFiles

MOST_CANDIDATES = 500
"""Files searched for some that fit into the store and the limits, if the first ones don't."""

NO_ROOM = Room(cost=0.0, files=0)
"""A file goes alone, so nothing else is planned."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which files get which slots.

    Attributes:
        assigned: Files with the time of their next metered request.
        next_slot_at: The first slot that is still free.
        day_is_spent: No request is left of the daily quota, and none is planned.
        tomorrow: Files that the daily quota leaves for another day, 0 without a daily quota; None
            if that was not computed.
        storage_room: Bytes of input that still fit into the store after the files assigned.
        storage_is_full: Files are ready, none fits into the store, and none is under way that
            does.
        budget_is_spent: Files wait, none fits the deployment's limits, and none is planned or being
            uploaded; None if that was not computed.
        imports: The imports among them; None without any.
        spare: What the day's limit has to spare afterwards; None if that is to be added up.
    """

    assigned: tuple[tuple[Stored[FileRecord], datetime], ...]
    next_slot_at: datetime | None
    day_is_spent: bool = False
    tomorrow: int | None = None
    storage_room: int | None = None
    storage_is_full: bool = False
    budget_is_spent: bool | None = None
    imports: Begun | None = None
    spare: Spare | None = None


@dataclass(frozen=True, slots=True)
class _Admitted:
    """What the deployment's limits admit.

    Attributes:
        imports: The imports to plan.
        room: What they leave for uploads; None without a limit.
        alone: The only upload to plan.
        is_too_large: The file that should go alone doesn't fit into the store.
        are_held: Imports are ready, and none fits into the store.
    """

    imports: Begun
    room: Room | None = None
    alone: Stored[FileRecord] | None = None
    is_too_large: bool = False
    are_held: bool = False


class Pump:
    """Plans metered requests up to ``rules.pump_horizon`` ahead.

    Args:
        context: The deployment's.
        part: The prefix of a sync of a part; nothing else is planned.
    """

    def __init__(self, context: Context, part: str = "") -> None:
        self._context = context
        self._part = part
        self._budget = Budget(context, part)
        self._files = ReadyFiles(context, self._budget, part)
        self._rooms = ImportRooms(context)

    def plan(
        self,
        next_slot_at: datetime | None,
        state: BreakerState,
        storage_room: int | None = None,
        *,
        batch_id: str = "",
        most: int | None = None,
        spare: Spare | None = None,
    ) -> Plan:
        """Choose files for the free slots: imports first, since each frees a raw file's space.

        Args:
            next_slot_at: The first slot not yet assigned.
            state: The breaker's state, which sets the pace.
            storage_room: Bytes of input that fit into the store; None for no limit.
            batch_id: The batch whose imports count against ``MAX_IMPORTS_PER_SYNC``.
            most: The most files to plan; None for no limit.
            spare: What the day's limit has to spare, if that needn't be added up.
        """
        now = self._context.clock.now()
        interval, slots = self._free_slots(next_slot_at, state, now)
        slots = slots[:most]
        if not slots or not self._files.is_any(now):
            return Plan((), next_slot_at)
        quota = self._quota(now)
        tomorrow = quota.tomorrow if quota else 0
        if quota and not quota.left:
            # Requests that are planned already come first: a hold would give them back.
            return Plan((), next_slot_at, day_is_spent=not self._count_planned(), tomorrow=tomorrow)
        slots = slots[: quota.left if quota else None]
        spending, left = (None, spare) if spare else self._added_up(batch_id, now)
        room = self._rooms.room(len(slots), interval, now)
        admitted = self._admitted(len(slots), room, spending, storage_room, now)
        if spare:
            left = spare.less(sum(map(self._budget.cost_of, admitted.imports.files)))
            if left is None:
                spending, left = self._added_up(batch_id, now)
                admitted = self._admitted(len(slots), room, spending, storage_room, now)
        files, held = [*admitted.imports.files], admitted.are_held
        free = len(slots) - len(files)
        most = min(free, quota.uploads) if quota else free
        waiting, fitting = self._uploads_within(most, storage_room, admitted, now)
        full = (
            (held or waiting)
            and not files + fitting
            and not self._files.is_any_under_way(held=held)
        )
        files += fitting
        used = slots[: len(files)]
        if storage_room is not None:
            storage_room -= sum(map(_growth, fitting))
        return Plan(
            tuple(zip(files, used, strict=True)),
            used[-1] + interval if used else next_slot_at,
            tomorrow=tomorrow,
            storage_room=storage_room,
            storage_is_full=full,
            budget_is_spent=not files and self._is_budget_spent(spending),
            imports=admitted.imports,
            spare=left,
        )

    def _added_up(self, batch_id: str, now: datetime) -> tuple[Spending | None, Spare | None]:
        """The limits if they matter, since not all files that wait fit; else what is to spare."""
        if not self._budget.is_limited:
            return None, None
        room = self._budget.spare(batch_id, now)
        if room is None:
            return self._budget.spending(batch_id, now), None
        limit = self._context.rules.settings.cost_per_day
        if limit is None or room.cost is None or room.files is not None:
            return None, None
        return None, Spare(limit, room.cost, now + self._context.rules.pump_horizon)

    def _free_slots(
        self, next_slot_at: datetime | None, state: BreakerState, now: datetime
    ) -> tuple[timedelta, list[datetime]]:
        """The interval between metered requests, and the unassigned slots within the horizon."""
        rules = self._context.rules
        slowdown = breaker.slowdown(state, rules.breaker)
        interval = spacing.spacing(rules.settings.tier.rpm, slowdown)
        slots = spacing.free_slots(
            now=now,
            next_slot_at=next_slot_at,
            interval=interval,
            horizon=rules.pump_horizon,
            start=rules.start,
        )
        probing = state.state is CircuitState.HALF_OPEN
        return interval, slots[: rules.breaker.half_open_probes] if probing else slots

    def _admitted(
        self,
        slots: int,
        room: ImportRoom,
        spending: Spending | None,
        storage_room: int | None,
        now: datetime,
    ) -> _Admitted:
        """The imports to plan, and which uploads the deployment's limits allow beside them."""
        most = min(slots, room.most)
        lacks_room = storage_room is not None and storage_room < 0
        candidates = MOST_CANDIDATES if lacks_room else most
        if spending is None:
            ready = self._files.imports(candidates, now)
            held, fitting = self._fitting_imports(ready, storage_room)
            return _Admitted(room.begun(fitting, most), are_held=held)
        if spending.goes_alone:
            return _Admitted(room.begun([], 0), NO_ROOM)
        alone = self._budget.dear(spending, now)
        if alone is not None and alone.present.status is FileStatus.UPLOADED:
            ready = [alone] if is_ready(alone, now) else []
            held, fitting = self._fitting_imports(ready, storage_room)
            if not held:
                return _Admitted(room.begun(fitting, most), NO_ROOM)
        elif alone is not None and any(_within_storage([alone], storage_room)):
            return _Admitted(room.begun([], 0), NO_ROOM, alone)
        ready, left = self._budget.imports(spending.room, candidates + PASSED_OVER, now)
        held, fitting = self._fitting_imports(ready, storage_room)
        return _Admitted(
            room.begun(fitting, most),
            left.less(spending.under_way),
            is_too_large=alone is not None,
            are_held=held,
        )

    def _fitting_imports(
        self, ready: list[Stored[FileRecord]], storage_room: int | None
    ) -> tuple[bool, list[Stored[FileRecord]]]:
        """Whether all imports that are ready are too large for the store, and those that fit.

        Only what fits is uploaded. So all imports fit, unless there is less room than was thought.
        """
        if storage_room is None or storage_room >= 0:
            return False, ready
        documents = self._context.records.documents
        if documents.count(queries.planned_imports()):
            return False, []  # these take some of the room
        sizes = [queries.WORKING_SIZE, queries.CURRENT_SIZE]
        working, current = documents.sums(queries.with_status(FileStatus.UPLOADED), sizes).values()
        fitting = list(_within_storage(ready, storage_room + int(working - current)))
        return bool(ready) and not fitting, fitting

    def _uploads_within(
        self, most: int, storage_room: int | None, admitted: _Admitted, now: datetime
    ) -> tuple[bool, list[Stored[FileRecord]]]:
        """Whether any upload is ready that the limits allow, and the first that fit the store.

        At most ``most`` are returned.
        """
        if admitted.alone is not None:
            return True, [admitted.alone][:most]
        if admitted.room is NO_ROOM:
            return False, []

        def chosen(ready: list[Stored[FileRecord]]) -> list[Stored[FileRecord]]:
            """The affordable ones."""
            room = admitted.room
            return ready if room is None else room.admitted(ready, self._budget.cost_of)[0]

        imports = admitted.imports.room.most_in_progress
        ready = self._files.uploads(most, imports, now)
        uploads = chosen(ready)
        fitting = list(_within_storage(uploads, storage_room))
        if not fitting and ready:  # smaller or cheaper files may wait behind these
            uploads = chosen(self._files.uploads(MOST_CANDIDATES, imports, now)) or chosen(
                self._files.uploads(MOST_CANDIDATES, imports, now, cheapest=True)
            )
            fitting = list(_within_storage(uploads, storage_room))[:most]
        return bool(uploads) or admitted.is_too_large, fitting

    def _is_budget_spent(self, spending: Spending | None) -> bool:
        """Whether no file that waits fits, and none is on its way to its import."""
        if spending is None or not spending.is_at_rest:
            return False
        return self._budget.fits_none(spending)

    def carry_out(self, plan: Plan, batch_id: str, store: str, generation: int) -> int:
        """Create the tasks of a plan; returns how many are new.

        Save ``next_slot_at`` first: a crash in between then wastes slots, but assigns none twice.
        """
        context = self._context
        now = context.clock.now()
        nudges = not context.is_planned_ahead(plan.next_slot_at)
        planned = [
            lifecycle.handed_on(
                lifecycle.taken_over(_crowded(plan, stored.present), batch_id),
                QueueName.UPLOADS,
                at,
                now,
                context.rules.file,
            )
            for stored, at in plan.assigned
        ]
        versions = context.records.versions_of_each(
            [
                updating(stored.path, record, stored.version, stored.record)
                for (stored, _), record in zip(plan.assigned, planned, strict=True)
            ]
        )
        if plan.imports is not None:
            self._rooms.save(plan.imports)
        return context.queues.create_many(
            [
                context.step_task(record, generation, store, nudges=nudges, version=version)
                for record, version in zip(planned, versions, strict=True)
                if version is not None  # else the record changed meanwhile: a later plan takes it
            ]
        )

    # --- the day's quota --------------------------------------------------------------------

    def _quota(self, now: datetime) -> DailyQuota | None:
        """The state of the daily quota; None if the tier has none."""
        left = self.left_today(now)
        if left is None:
            return None
        documents = self._context.records.documents
        begun = self._files.count_uploads() + documents.count(queries.planned_uploads())
        owed = begun - documents.count(queries.planned_imports())
        waiting = queries.below(self._part, queries.waiting_for(Slot.UPLOAD))
        return DailyQuota(left, owed, documents.count(waiting))

    def left_today(self, now: datetime) -> int | None:
        """Requests left of the daily quota after those planned; None if the tier has no quota."""
        rpd = self._context.rules.settings.tier.rpd
        if rpd is None:
            return None
        documents = self._context.records.documents
        since = holds.quota_day_began(now)
        made = (queries.entries_since, queries.uploads_since, queries.accepted_imports_since)
        used = sum(documents.count(of_call(since)) for of_call in made)
        return max(rpd - used - self._count_planned(), 0)

    def _count_planned(self) -> int:
        """How many metered requests are planned, which means that they have a task."""
        documents = self._context.records.documents
        planned = (queries.planned_imports(), queries.planned_uploads())
        return sum(map(documents.count, planned))


def _crowded(plan: Plan, record: FileRecord) -> FileRecord:
    return record if plan.imports is None else plan.imports.crowded(record)


def _growth(stored: Stored[FileRecord]) -> int:
    """Bytes of input that the file adds to the store, less what it replaces; 0 or more."""
    return max(stored.present.desired_size - stored.present.current_size, 0)


def _within_storage(
    uploads: Iterable[Stored[FileRecord]], room: int | None
) -> Iterable[Stored[FileRecord]]:
    """Files that together fit into ``room`` bytes; one that does not fit is passed over."""
    taken = 0
    for stored in uploads:
        growth = _growth(stored)
        if room is None or growth == 0 or taken + growth <= room:
            yield stored
            taken += growth
