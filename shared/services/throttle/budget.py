"""Reads what is used of the deployment's limits: money from the ledger, and work from the files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.domain.estimate.budget import NOTHING, BudgetState, Load, Room, Spending
from shared.domain.file.record import FileRecord, FileStatus, Slot
from shared.domain.throttle import holds
from shared.gateways.database import queries
from shared.gateways.database.records import Stored
from shared.gateways.ports import Query
from shared.services.context import Context

MOST_FILES = 500
"""Files that wait for one kind of slot and are looked at for some that fit."""


class Budget:
    """The limits of one deployment.

    Args:
        context: The deployment's.
        part: The prefix of a sync of a part, whose files alone wait for it.
    """

    def __init__(self, context: Context, part: str = "") -> None:
        self._context = context
        self._part = part
        self._settings = context.rules.settings
        self._documents = context.records.documents

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit."""
        settings = self._settings
        return settings.cost_per_day is not None or settings.max_imports_per_sync is not None

    @property
    def _counts(self) -> bool:
        """Whether numbers of files matter; counting costs reads."""
        return self._settings.max_imports_per_sync is not None

    def cost_of(self, file: Stored[FileRecord]) -> float:
        """Estimated cost of the file's import; 0 without a known price."""
        desired = file.present.desired
        return self._cost(desired.tokens if desired else 0)

    def left(self) -> Load:
        """All files whose import was not sent yet."""
        return self._load(self._below(queries.to_import()), counted=True)

    def spent(self, now: datetime) -> float:
        """What the imports of the quota day cost, without those that were refused for certain."""
        return self._sum(queries.imports_since(holds.quota_day_began(now)))

    def spare(self, batch_id: str, now: datetime) -> Room | None:
        """The room that is left beside all files that wait; None if they don't fit.

        What waits is read before the ledger. So a file that is sent meanwhile counts twice, and
        never not at all.
        """
        left = self._load(self._below(queries.to_import()))
        room = self._used(batch_id, now).room
        return room.less(left) if room.fits(left) else None

    def spending(self, batch_id: str, now: datetime) -> Spending:
        """The limits and what is used of them; in the order of ``spare``."""
        planned = self._load(queries.planned_imports())
        begun = self._load(queries.with_status(FileStatus.UPLOADING, FileStatus.UPLOADED))
        begun += self._load(queries.planned_uploads())
        waiting = self._load(queries.waiting_for(Slot.IMPORT))
        interrupted = self._context.records.query(FileRecord, queries.interrupted_uploads())
        waiting += Load(
            len(interrupted) if self._counts else 0, sum(map(self.cost_of, interrupted))
        )
        return self._used(batch_id, now, planned, begun - waiting - planned)

    def state(self, batch_id: str, now: datetime, left: Load | None = None) -> BudgetState | None:
        """The limits as a batch's summary shows them; None without a limit.

        ``left`` is all files whose import was not sent yet, if the caller knows.
        """
        if not self.is_limited:
            return None
        left = self.left() if left is None else left
        used, price = self._used(batch_id, now), self._settings.price
        return BudgetState(
            limit=used.limit,
            spent=used.spent,
            currency=price.currency if price else "",
            max_imports=used.most_imports,
            imports=used.begun,
            files=left.files,
            cost=left.cost if price else None,
            alone=self._first_dear(used) if used.is_dear(left.cost) else "",
        )

    # --- files that cost more than a day may ------------------------------------------------

    def dear(self, spending: Spending, now: datetime) -> Stored[FileRecord] | None:
        """The file that now goes alone, since it costs more than a day may; None for none.

        One that is uploaded goes first, also if it isn't ready for its import yet. The day after
        such a file belongs to the others, if any fits into a day.
        """
        one_fits = spending.room.files is None or spending.room.files > 0
        if not (spending.day_is_fresh and one_fits):
            return None
        if uploaded := self._dear(spending, Slot.IMPORT, MOST_FILES):
            return uploaded[0]
        dear = self._dear(spending, Slot.UPLOAD, MOST_FILES)
        ready = [each for each in dear if is_ready(each, now)]
        return ready[0] if ready and not self._is_others_day(spending, now) else None

    def _dear(self, spending: Spending, slot: Slot, most: int) -> list[Stored[FileRecord]]:
        """The files that cost more than a day may and wait for the slot, longest waiting first."""
        price = self._settings.price
        if spending.limit is None or price is None or not price.per_million_tokens:
            return []
        tokens = int(spending.limit / price.cost(1))
        query = self._below(queries.dearer_than(tokens, slot, most))
        found = self._context.records.query(FileRecord, query)
        dear = [each for each in found if spending.is_dear(self.cost_of(each))]
        return sorted(dear, key=lambda each: each.present.schedule.ready_at or each.read_time)

    def _is_others_day(self, spending: Spending, now: datetime) -> bool:
        began = holds.quota_day_began(now)
        before = holds.quota_day_began(began - timedelta(hours=1))
        yesterday = self._sum(queries.imports_between(before, began))
        if not spending.is_dear(yesterday):
            return False
        cheapest = self._cheapest(Slot.UPLOAD, 1) + self._cheapest(Slot.IMPORT, 1)
        return any(not spending.is_dear(self.cost_of(each)) for each in cheapest)

    def _first_dear(self, spending: Spending) -> str:
        for slot in (Slot.IMPORT, Slot.UPLOAD):
            if dear := self._dear(spending, slot, 1):
                return dear[0].present.path
        return ""

    # --- files that fit ---------------------------------------------------------------------

    def imports(
        self, room: Room, most: int, now: datetime
    ) -> tuple[list[Stored[FileRecord]], Room]:
        """Up to ``most`` uploaded files that are ready and fit, and the room that uploads have.

        Files that fit and are not ready, or beyond ``most``, keep their room.
        """
        waiting = self._cheapest(Slot.IMPORT, MOST_FILES)
        going, room = room.admitted(waiting, self.cost_of)
        return [each for each in going if is_ready(each, now)][: max(most, 0)], room

    def cheapest_uploads(self, most: int, now: datetime) -> list[Stored[FileRecord]]:
        """The cheapest files that are ready to be uploaded."""
        return [each for each in self._cheapest(Slot.UPLOAD, most) if is_ready(each, now)]

    def fits_none(self, spending: Spending) -> bool:
        """Whether no file that waits for a slot fits, now or once it is ready."""
        room = spending.room
        if spending.day_is_fresh and room.files != 0 and self._first_dear(spending):
            return False
        waiting: Sequence[Stored[FileRecord]] = [
            *self._cheapest(Slot.IMPORT, 1),
            *self._cheapest(Slot.UPLOAD, 1),
        ]
        return not any(room.fits(Load(1, self.cost_of(each))) for each in waiting)

    def _cheapest(self, slot: Slot, most: int) -> list[Stored[FileRecord]]:
        query = self._below(queries.cheapest(slot, most))
        return self._context.records.query(FileRecord, query)

    def _below(self, query: Query) -> Query:
        return queries.below(self._part, query)

    # --- sums -------------------------------------------------------------------------------

    def _used(
        self, batch_id: str, now: datetime, planned: Load = NOTHING, under_way: Load = NOTHING
    ) -> Spending:
        most = self._settings.max_imports_per_sync
        limit = self._settings.cost_per_day
        return Spending(
            limit=limit,
            most_imports=most,
            spent=0.0 if limit is None else self.spent(now),
            begun=self._documents.count(queries.effective_imports_in(batch_id)) if most else 0,
            planned=planned,
            under_way=under_way,
        )

    def _load(self, query: Query, *, counted: bool = False) -> Load:
        """The cost of the files, and their number if it is asked for or limited."""
        counted = counted or self._counts
        tokens = self._documents.sums(query, [queries.DESIRED_TOKENS])[queries.DESIRED_TOKENS]
        return Load(self._documents.count(query) if counted else 0, self._cost(int(tokens)))

    def _cost(self, tokens: int) -> float:
        price = self._settings.price
        return price.cost(tokens) if price else 0.0

    def _sum(self, query: Query) -> float:
        return self._documents.sums(query, [queries.COST])[queries.COST]


def is_ready(file: Stored[FileRecord], now: datetime) -> bool:
    """Whether a file that waits for a slot may have it now."""
    ready_at = file.present.schedule.ready_at
    return ready_at is not None and ready_at <= now
