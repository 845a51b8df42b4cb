"""What people do while syncs run: start, cancel and pause them, and edit bucket and store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from shared.domain.batch.batch import Batch, DeletePolicy, SyncMode
from shared.domain.batch.request import SyncRequest
from shared.gateways.ports import RemoteState
from tests.simulation.faults.trouble import WINDOWS
from tests.simulation.world.roles import Role
from tests.simulation.world.rules import FUNCTION_TIMEOUT
from tests.world import changed_rules

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

Plan = tuple[int, Callable[[], None]]
"""An act, and the scheduling point at which it is done."""

UNUSUAL = (
    SyncRequest(mode=SyncMode.RETRY_FAILED),
    SyncRequest(mode=SyncMode.FULL),
    SyncRequest(mode=SyncMode.RECONCILE),
    SyncRequest(dry_run=True),
    SyncRequest(max_deletes=0),
    SyncRequest(max_imports=2),
    SyncRequest(delete_policy=DeletePolicy.ADD_ONLY),
    SyncRequest(prefix="a/"),
)

BUSY_SHARE = 0.1
"""Share of the runs in which a file is rewritten all the time."""

SWEEP_SHARE = 0.1
"""Share of the runs in which most files are changed or removed at once."""

NEW_STORE = SyncRequest(mode=SyncMode.FULL, new_store=True)

REPLACING = SyncRequest(mode=SyncMode.FULL, new_store=True, max_imports=10**6)
"""The request that a sync's message names after the store was deleted."""

LOST_LEASES, LOST_STORES = 0.06, 0.05
"""Shares of the runs in which somebody deletes the lease's record, and the store."""


class People:
    """The people of one simulation."""

    def __init__(self, play: Simulation) -> None:
        self._play = play
        self._chance = play.chance

    def plans(self) -> list[Plan]:
        """The planned actions, including the faults of the service that begin."""
        play, chance = self._play, self._chance
        plans: list[Plan] = [(0, self.start)]
        edits = chance.choice((0, 1, 2, 5))
        plans += [(chance.randint(1, 300), play.library.edit) for _ in range(edits)]
        if play.library.has_locks:
            plans += [(point, play.library.lock) for point in (60, 150)]
        if kinds := sorted(play.trouble.kinds & WINDOWS):
            plans += [
                (chance.randint(1, 250), partial(play.gate.begin_window, chance.choice(kinds)))
                for _ in range(chance.choice((1, 2, 4)))
            ]
        if chance.random() < BUSY_SHARE:
            plans.append((chance.randint(1, 200), self.write_on_and_on))
        acts = (self.start, self.start, self.cancel, self.pause, self.meddle, self.move)
        plans += [
            (chance.randint(1, 350), chance.choice(acts)) for _ in range(chance.choice((0, 1, 3)))
        ]
        if chance.random() < (0.8 if play.is_large else SWEEP_SHARE):
            plans.append((chance.randint(1, 300), play.library.sweep))
        return plans + self._losses()

    def _losses(self) -> list[Plan]:
        """What is lost, by a chance of its own, so that other runs stay as they are."""
        chance = Random(f"loss in {self._play.seed}")  # noqa: S311 - chance that repeats
        draw = chance.random()
        if draw < LOST_LEASES:
            return [(chance.randint(1, 300), self.lose_lease)]
        if draw < LOST_LEASES + LOST_STORES:
            return [(chance.randint(30, 300), self.lose_store)]
        return []

    def lose_lease(self) -> None:
        """Delete the lease's record."""
        self._play.note("--", "somebody deletes the lease", None)
        self._play.lose_lease()

    def lose_store(self) -> None:
        """Delete the store that syncs fill; each file may have lost something for it."""
        play = self._play
        play.note("--", "somebody deletes the store", None)
        play.lose_store()
        left = {each.name for each in play.store_documents()}
        play.neighbour.documents = [name for name in play.neighbour.documents if name in left]
        for name in play.library.names:
            play.gate.charges[name] += 1

    def start(self) -> None:
        """Start a sync, sometimes with unusual options."""
        chance = self._chance
        self._start(chance.choice(UNUSUAL) if chance.random() < 0.2 else SyncRequest())

    def cancel(self) -> None:
        """End the running sync."""
        batch = self._play.running_batch()
        if batch is not None:
            self._order(partial(self._play.control.cancel, batch.batch_id))

    def pause(self) -> None:
        """Pause the running sync for some time."""
        play, batch = self._play, self._play.running_batch()
        if batch is None:
            return
        self._order(partial(play.control.pause, batch.batch_id))
        seconds = self._chance.choice((5, 90, 500))
        play.happen_in(timedelta(seconds=seconds), partial(self._resume, batch))

    def meddle(self) -> None:
        """Delete one of our documents by hand."""
        play = self._play
        documents = [each for each in play.own_documents() if each.state is RemoteState.ACTIVE]
        if not documents:
            return
        document = self._chance.choice(documents)
        play.gemini.delete_document(document.name)
        play.gate.charges[str(document.metadata["path"])] += 1
        play.is_meddled_with = True
        play.note("--", f"somebody deletes {document.name}", None)

    def write_on_and_on(self) -> None:
        """Rewrite one file every few seconds, as a program does that appends to a log."""
        play, chance = self._play, self._chance
        name, wait = chance.choice(play.library.names), timedelta(seconds=chance.choice((2, 7, 30)))
        self._rewrite(name, wait, chance.choice((10, 40)))

    def _rewrite(self, name: str, wait: timedelta, times: int) -> None:
        self._play.library.rewrite(name)
        if times > 1:
            self._play.happen_in(wait, partial(self._rewrite, name, wait, times - 1))

    def move(self) -> None:
        """Begin a move to another store."""
        self._play.deploy(changed_rules(self._play.rules, store_display_name="another store"))
        self._start(NEW_STORE)

    # --- how --------------------------------------------------------------------------------

    def _start(self, request: SyncRequest) -> None:
        start_sync = self._play.start_sync
        self._play.perform_as(self._somebody("start"), lambda: start_sync(request))

    def _resume(self, batch: Batch) -> None:
        self._order(partial(self._play.control.resume, batch.batch_id))

    def _order(self, order: Callable[[], object]) -> None:
        self._play.perform_as(self._somebody("control"), order)

    def _somebody(self, kind: str) -> Role:
        return Role(kind, self._play.stage.now() + FUNCTION_TIMEOUT)
