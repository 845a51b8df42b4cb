"""The deployment's limits of imports: what a quota day may cost, and how many a sync may begin.

They admit work up to the limit; what doesn't fit waits. A file whose own cost is more than the
whole day's limit goes alone, on a day on which nothing else was imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil
from typing import Final, TypeVar

from shared.domain.estimate.prices import Price
from shared.domain.throttle.tiers import Tier

TYPICAL_TOKENS: Final = 2_000
"""Tokens of a file of ordinary size, about 8 kB of text; an assumption."""

_MINUTES_A_DAY: Final = 24 * 60

_ROUNDING: Final = 1e-8
"""Sums of costs are not exact; a difference of this many dollars means nothing."""

T = TypeVar("T")


def default_cost_per_day(tier: Tier, price: Price) -> float:
    """What a day at the tier's full rate costs for typical files, which take two requests each."""
    requests = tier.rpm * _MINUTES_A_DAY
    if tier.rpd is not None:
        requests = min(requests, tier.rpd)
    return price.cost(requests // 2 * TYPICAL_TOKENS)


@dataclass(frozen=True, slots=True)
class Load:
    """A number of files, and what their imports are estimated to cost."""

    files: int = 0
    cost: float = 0.0

    @property
    def is_nothing(self) -> bool:
        """Whether it is no file, as far as that is known."""
        return not self.files and abs(self.cost) <= _ROUNDING

    def __add__(self, other: Load) -> Load:
        return Load(self.files + other.files, self.cost + other.cost)

    def __sub__(self, other: Load) -> Load:
        return Load(self.files - other.files, self.cost - other.cost)


NOTHING: Final = Load()


@dataclass(frozen=True, slots=True)
class Room:
    """What may still be admitted; None means no limit."""

    cost: float | None
    files: int | None

    def fits(self, load: Load) -> bool:
        """Whether the load may be admitted."""
        return (self.cost is None or load.cost <= self.cost + _ROUNDING) and (
            self.files is None or load.files <= self.files
        )

    def less(self, load: Load) -> Room:
        """What may be admitted beside the load."""
        return Room(
            None if self.cost is None else self.cost - load.cost,
            None if self.files is None else self.files - load.files,
        )

    def admitted(self, files: Iterable[T], cost: Callable[[T], float]) -> tuple[list[T], Room]:
        """The files that fit, one after the other, and the room left. Others are passed over."""
        room, admitted = self, []
        for file in files:
            load = Load(1, cost(file))
            if room.fits(load):
                admitted.append(file)
                room = room.less(load)
        return admitted, room


@dataclass(frozen=True, slots=True)
class Spending:
    """The limits, and what is used of them.

    Attributes:
        limit: US dollars that a quota day's imports may cost; None for no limit.
        most_imports: Imports that the batch may begin; None for no limit.
        spent: Cost of the day's imports, without those that were refused for certain.
        begun: Imports that the batch has begun, without those that were refused for certain.
        planned: Imports that have a slot and have not been sent.
        under_way: Files whose upload has a slot or has begun, and that don't wait for their import.
    """

    limit: float | None
    most_imports: int | None
    spent: float = 0.0
    begun: int = 0
    planned: Load = NOTHING
    under_way: Load = NOTHING

    @property
    def room(self) -> Room:
        """What may be planned of imports whose files are uploaded."""
        whole = Room(self.limit, self.most_imports)
        return whole.less(Load(self.begun, self.spent)).less(self.planned)

    @property
    def day_is_fresh(self) -> bool:
        """Whether nothing was imported today, and nothing is on its way."""
        return not self.spent and self.is_at_rest

    @property
    def goes_alone(self) -> bool:
        """Whether a file that costs more than the limit is being uploaded, or has a slot."""
        on_its_way = self.planned + self.under_way
        return self.limit is not None and not self.spent and self.is_dear(on_its_way.cost)

    @property
    def is_at_rest(self) -> bool:
        """Whether no import is planned and no upload is on its way."""
        return self.planned.is_nothing and self.under_way.is_nothing

    def is_dear(self, cost: float) -> bool:
        """Whether a file costs more than a whole day may."""
        return self.limit is not None and cost > self.limit + _ROUNDING


@dataclass(frozen=True, slots=True)
class Spare:
    """What a day's limit has to spare beside all files that wait, once that was added up.

    Adding up costs a read for each thousand files. Nothing exceeds the limit while imports are
    planned for less than this, whatever becomes of them.

    Attributes:
        limit: The limit, as in ``Spending``.
        cost: For so much more imports may be planned.
        until: When it is to be added up again in any case, since estimates may be too low.
    """

    limit: float
    cost: float
    until: datetime

    def less(self, cost: float) -> Spare | None:
        """What is to spare once imports of this cost are planned; None if they exceed it."""
        return replace(self, cost=self.cost - cost) if cost <= self.cost else None


@dataclass(frozen=True, slots=True)
class BudgetState:
    """The limits as a batch's summary shows them, with what is used and what is left to do.

    Attributes:
        limit: As in ``Spending``.
        spent: As in ``Spending``, of all batches of the day.
        currency: ISO 4217; empty without a known price.
        max_imports: ``Spending.most_imports``.
        imports: ``Spending.begun``.
        files: Files whose import was not sent yet.
        cost: Their estimated cost; None without a known price.
        alone: Path of a waiting file that costs more than ``limit``; empty without one.
    """

    limit: float | None
    spent: float
    currency: str
    max_imports: int | None
    imports: int
    files: int = 0
    cost: float | None = None
    alone: str = ""


@dataclass(frozen=True, slots=True)
class DayLimit:
    """What a quota day's imports may cost, and what those of today have cost."""

    limit: float
    spent: float

    @property
    def left(self) -> float:
        """What is left of today's limit."""
        return max(self.limit - self.spent, 0.0)

    def days(self, work: Load) -> int:
        """Quota days over which the limit spreads the work, counting today.

        A day admits at least one file, and so does today if nothing is spent yet.
        """
        if work.cost <= self.left + _ROUNDING:
            return 1
        most = work.files + (1 if self.spent else 0)
        return min(1 + ceil((work.cost - self.left) / self.limit - _ROUNDING), most)
