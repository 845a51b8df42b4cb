"""The bucket's notifications: changes that are told while syncs run, and what must come of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from shared.domain.batch.asked_sync import AskedSync
from shared.domain.batch.request import SyncRequest
from shared.gateways.database.records import ASKED
from tests.simulation.checks.violation import require
from tests.simulation.world.roles import Role
from tests.simulation.world.rules import FUNCTION_TIMEOUT

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

SHARE = 0.3
"""Share of the runs in which notifications come."""

LOOKS = 0.5
"""Share of the runs with a sync to begin in which somebody makes a dry run first."""

PATIENCE = timedelta(hours=12)
"""Within this time a sync that was asked for begins; longer than three scans of any run."""


class Notifications:
    """The notifications of one simulation, by a chance of their own."""

    def __init__(self, play: Simulation) -> None:
        self._play = play

    def plans(self) -> list[tuple[int, Callable[[], None]]]:
        """Notifications, each at a scheduling point."""
        chance = Random(f"notifications of {self._play.seed}")  # noqa: S311 - chance that repeats
        if chance.random() >= SHARE:
            return []
        return [(chance.randint(1, 300), self._tell) for _ in range(chance.choice((1, 2, 5)))]

    def answered(self) -> None:
        """Check that a sync begins which was asked for, while Cloud Scheduler goes on calling.

        In some runs somebody makes a dry run before, which answers nothing.
        """
        play = self._play
        chance = Random(f"look before the answer of {play.seed}")  # noqa: S311 - chance that repeats
        if self._is_asked() and chance.random() < LOOKS:
            looks = SyncRequest(dry_run=True)
            play.perform_as(self._role("start"), lambda: play.start_sync(looks))
            play.quiet.peace()
        end = play.stage.now() + PATIENCE
        while self._is_asked():
            require(play.stage.now() < end, "told_changes_are_synced", "no sync began")
            play.stage.advance_to(play.stage.now() + play.rules.tick)
            play.perform_as(self._role("supervise"), play.supervise)
            play.quiet.peace()

    def _tell(self) -> None:
        play = self._play
        attributes = {
            "bucketId": play.rules.settings.bucket,
            "objectId": play.library.names[0],
            "eventType": "OBJECT_FINALIZE",
        }
        body = {"message": {"attributes": attributes}}
        play.perform_as(self._role("event"), lambda: play.ask_sync(body))

    def _is_asked(self) -> bool:
        flag = self._play.records.get(AskedSync, ASKED).record
        return flag is not None and flag.asked_at is not None

    def _role(self, kind: str) -> Role:
        return Role(kind, self._play.stage.now() + FUNCTION_TIMEOUT)
