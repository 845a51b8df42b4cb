"""The limit of a day's cost in some runs: how it changes, and what the imports really cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from shared.domain.file.ledger import LedgerEntry
from shared.domain.source.tokens import BYTES_PER_TOKEN
from shared.domain.throttle import holds
from shared.gateways.ports import Query
from tests.simulation.checks.violation import require
from tests.simulation.faults.faulty_ports import Call
from tests.world import changed_rules

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

LIMITED = 0.25
"""The share of runs with a limit that bites."""

_A_FILE = 6
"""About how many tokens a file of the library has."""

_ROUNDING = 1e-8


class DayLimits:
    """The limits in force, with the times since when, and the cost of imports by quota day."""

    def __init__(self, play: Simulation) -> None:
        self._play = play
        self._chance = Random(f"limits of {play.seed}")  # noqa: S311 - chance that repeats
        self._since: list[tuple[datetime, float | None]] = [(play.stage.now(), None)]
        self._imports: defaultdict[date, list[float]] = defaultdict(list)
        self._charged: set[str] = set()
        self.are_in_force = self._chance.random() < LIMITED and not play.is_large

    def begin(self) -> None:
        """Deploy the first limit, and make a file large, in the runs that have limits."""
        if not self.are_in_force:
            return
        self.change()
        if self._chance.random() < 0.4:
            self._play.library.enlarge(self._chance.choice(self._play.library.names))

    def plans(self) -> list[tuple[int, Callable[[], None]]]:
        """When the limit is raised or lowered, as scheduling points."""
        if not self.are_in_force:
            return []
        changes = range(self._chance.choice((0, 1, 3)))
        return [(self._chance.randint(1, 350), self.change) for _ in changes]

    def change(self) -> None:
        """Deploy another limit: from one file a day to all of them."""
        play = self._play
        price = play.rules.settings.price
        assert price is not None
        limit = price.cost(_A_FILE) * self._chance.choice((1.2, 2.5, 4.0, 40.0))
        self._since.append((play.stage.now(), limit))
        play.deploy(changed_rules(play.rules, max_cost_per_day=limit))
        play.note("--", f"a day may cost {limit:.9f}", None)

    def forget(self) -> None:
        """The ledger is lost, and what was spent with it."""
        self._imports.clear()

    def imported(self, call: Call) -> None:
        """Charge an import that took effect to the day of its intent, and check that day."""
        if not self.are_in_force:
            return
        raw_file = call.arguments[1]
        entry = self._intent(raw_file)
        if entry is None:
            return
        price, size = self._play.rules.settings.price, self._play.gemini._files[raw_file].reply.size
        assert price is not None
        assert size is not None
        day = holds.quota_day(entry.created_at)
        self._imports[day].append(price.cost(-(-size // BYTES_PER_TOKEN)))
        self._check(day)

    def _intent(self, raw_file: str) -> LedgerEntry | None:
        """The oldest intent for the raw file of which no effect was charged yet."""
        found = self._play.plain.records.query(LedgerEntry, Query("operations"))
        mine = [each.present for each in found if each.present.raw_file == raw_file]
        fresh = [each for each in mine if each.operation_id not in self._charged]
        if not fresh:
            return None
        oldest = min(fresh, key=lambda each: each.created_at)
        self._charged.add(oldest.operation_id)
        return oldest

    def _check(self, day: date) -> None:
        most, costs = self._most(day), self._imports[day]
        alone = len(costs) == 1
        require(
            most is None or alone or sum(costs) <= most + _ROUNDING,
            "a_day_costs_no_more_than_it_may",
            f"{day}: {costs} of {most}",
        )

    def _most(self, day: date) -> float | None:
        """The highest limit of the day, or of the day before, when imports may be planned."""
        began = datetime.combine(day, datetime.min.time(), holds.PACIFIC) - timedelta(days=1)
        before = [each for each in self._since if each[0] <= began][-1:]
        limits = [limit for _, limit in (*before, *(e for e in self._since if e[0] > began))]
        known = [limit for limit in limits if limit is not None]
        return None if len(known) < len(limits) else max(known)
