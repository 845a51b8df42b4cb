"""What happens to the database by itself or by hand: documents expire, and some are lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from local.firestore.engine.expiry import delete_expired
from shared.gateways.database.records import STORAGE, UNCERTAIN_SEARCH
from shared.gateways.ports import Delete
from tests.world import INDEXES

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

PROMPT_SHARE = 0.5
"""Share of the runs in which the database deletes at once what has expired; in the others it
doesn't at all. The real one takes up to a day or more."""

FORGETFUL_SHARE = 0.1
"""Share of the runs in which memories are lost: documents without which a sync only takes longer.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Upkeep:
    """The database of one simulation."""

    def __init__(self, play: Simulation) -> None:
        self._play = play
        self._chance = Random(f"upkeep of {play.seed}")  # noqa: S311 - chance that repeats
        self._expires_promptly = self._chance.random() < PROMPT_SHARE
        self._is_forgetful = self._chance.random() < FORGETFUL_SHARE

    def plans(self) -> list[tuple[int, Callable[[], None]]]:
        """When documents expire and memories are lost, as scheduling points."""
        chance = self._chance
        plans = [(chance.randint(1, 350), self.let_expire) for _ in range(2)]
        if self._is_forgetful:
            plans += [(chance.randint(1, 350), self.forget) for _ in range(2)]
        return plans

    def wait_for_expiry(self) -> None:
        """Let so much time pass that ledger, window and old batches expire, or are about to."""
        play, margin = self._play, self._chance.choice((-60, 0, 60, 86_400))
        play.stage.advance_to(play.stage.now() + play.rules.retention + timedelta(seconds=margin))
        self.let_expire()

    def let_expire(self) -> None:
        """Delete what has expired, in the runs in which the database is prompt."""
        play = self._play
        if not self._expires_promptly:
            return
        now = (play.stage.now() - _EPOCH) // timedelta(microseconds=1)
        deleted = 0
        while more := delete_expired(
            play.documents._backend, play.documents._database, INDEXES, now
        ):
            deleted += more
        play.note("--", f"{deleted} documents expire", None)

    def forget(self) -> None:
        """Lose some of the memories; no ranges whose files' records may be lost as well.

        Then nothing tells that these were there: a known limit.
        """
        documents, chance = self._play.documents, self._chance
        found = [
            f"ranges/{name}"
            for name in sorted(documents._collections["ranges"])
            if not self._play.is_damaged
        ]
        found += [path for path in (STORAGE, UNCERTAIN_SEARCH) if documents._find(path)]
        lost = [path for path in found if chance.random() < 0.7]
        if lost:
            documents.commit([Delete(path) for path in lost])
            self._play.note("--", f"lost: {lost}", None)

    def lose_everything(self) -> None:
        """Lose the whole database."""
        self._play.documents._collections.clear()
