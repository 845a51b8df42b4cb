"""Settings that people deploy while syncs run; calls that have begun go on with the old ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any

from shared.domain.source.path_glob import PathGlob
from tests.world import changed_rules

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

CHANGING_SHARE = 0.25
"""Share of the runs in which settings change; of the large ones, half."""


class SettingsChanges:
    """The deployments of other settings in one simulation."""

    def __init__(self, play: Simulation) -> None:
        self._play = play
        self._chance = Random(f"settings of {play.seed}")  # noqa: S311 - chance that repeats
        share = 0.5 if play.is_large else CHANGING_SHARE
        self._limits: list[tuple[datetime, int | None]] = [(play.stage.now(), None)]
        self.are_changing = self._chance.random() < share

    def plans(self) -> list[tuple[int, Callable[[], None]]]:
        """When settings change, as scheduling points."""
        if not self.are_changing:
            return []
        chance = self._chance
        return [(chance.randint(1, 350), self.change) for _ in range(chance.choice((1, 2, 4)))]

    def most_imports(self, since: datetime) -> int | None:
        """The highest limit of a sync's imports in force since then; None if there was none."""
        before = [limit for at, limit in self._limits if at <= since][-1:]
        limits = [*before, *(limit for at, limit in self._limits if at > since)]
        known = [limit for limit in limits if limit is not None]
        return None if len(known) < len(limits) else max(known)

    def change(self) -> None:
        """Deploy another value of one setting."""
        chance, large = self._chance, self._play.is_large
        choices: tuple[tuple[str, tuple[Any, ...]], ...] = (
            ("chunk_max_tokens", (0, 100, 200)),
            ("chunk_max_tokens", (0, 100, 200)),
            ("exclude", ((), (PathGlob.parse("b/**"),))),
            ("ignored_metadata", ((), ("title",))),
            ("max_imports_per_sync", (None, 400, 700) if large else (None, 1, 2, 5)),
            ("max_imports_in_progress", (50, 500) if large else (2, 5, 50)),
            ("page_size", (100, 1000) if large else (2, 3, 5, 1000)),
        )
        name, values = chance.choice(choices)
        value = chance.choice(values)
        self._play.deploy(changed_rules(self._play.rules, **{name: value}))
        self._limits.append(
            (self._play.stage.now(), self._play.rules.settings.max_imports_per_sync)
        )
        self._play.library.leave_out(self._play.rules.settings.exclude)
        self._play.note("--", f"{name} is {value} from now on", None)
