"""Syncs without faults, each played to its end, and how a run is judged after them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.batch.batch import Batch, BatchStatus, SyncMode
from shared.domain.batch.request import SyncRequest
from shared.domain.deployment.deployment import Deployment as Belonging
from shared.domain.throttle import holds
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.holds import HoldReason
from shared.gateways.database.records import BREAKER, DEPLOYMENT, batch_path
from tests.simulation.checks.outcome import (
    Outcome,
    check_differences,
    check_figures,
    check_quiet_batch,
    check_unchanged,
)
from tests.simulation.checks.violation import Violation, require
from tests.simulation.world.people import NEW_STORE, REPLACING
from tests.world import changed_rules

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

QUIET_BOUND = timedelta(hours=8)
"""Without faults a batch is over within this time: a multiple of every wait in the rules."""

MOST_SYNCS = 7
"""Syncs without faults that may be needed: the tier may have a daily quota, and people may have to
answer a guard."""

MOST_LIMITED_SYNCS = 80
"""As before, if a day's cost or a sync's imports are limited: some limits allow one import, which
may fail."""

LONGEST_HOLD = timedelta(hours=26)
"""Longer than until the next quota day, which is the longest hold."""

CAREFUL = (
    SyncRequest(max_deletes=0),
    SyncRequest(max_imports=0),
    SyncRequest(max_imports=1),
    SyncRequest(dry_run=True),
)
"""Requests of people who look first; a guard may refuse them."""

AS_MUCH_AS_IT_TAKES = 10**6
"""What people allow after they looked at a guard's figures."""


class QuietSyncs:
    """The syncs of one simulation while nothing fails."""

    def __init__(self, play: Simulation) -> None:
        self._play = play

    def peace(self) -> None:
        """End all faults, and check that everything begun ends within a bound."""
        play = self._play
        end = play.stage.now() + QUIET_BOUND
        while not play.is_idle():
            if play.stage.now() > end:
                raise Violation("no_wait_without_deadline", play.unfinished())
            if paused := play.paused_batch():
                play.control.resume(paused)
            play.step()

    def sync(self, request: SyncRequest | None = None) -> Batch:
        """Sync on as many days as the quota requires, and answer the guards."""
        batch = self._sync_once(request)
        for _ in range(MOST_LIMITED_SYNCS if self._is_limited() else MOST_SYNCS):
            if batch.refusal is not None or batch.status is BatchStatus.REFUSED:
                if batch.refusal is None and self._is_to_move():
                    self._finish_first()
                batch = self._sync_once(self._allowing_all())
            elif batch.status is BatchStatus.DEFERRED and self._may_continue(batch):
                batch = self._sync_once()
            else:
                break
        check_quiet_batch(batch)
        check_differences(self._play, batch)
        return batch

    def judged(self) -> None:
        """Sync, and check everything; ordinary syncs find what needs no reconcile.

        Documents deleted by hand may cancel out in the count. Then the sync finds them that lists
        the store because the last listing was long ago.
        """
        play = self._play
        request = None
        if play.is_meddled_with and play.chance.random() < 0.5:
            request = SyncRequest(mode=SyncMode.RECONCILE)
        batch = self.sync(request)
        if play.asides() or (play.is_meddled_with and not batch.reconciled):
            every = play.rules.settings.reconcile_every
            play.stage.advance_to(play.stage.now() + every)
            self.sync()
        if play.is_damaged:
            self.sync()  # imports what was set aside until the listing
        play.is_meddled_with = False
        Outcome(play).check()

    def judged_again(self) -> None:
        """Sync with nothing to do, then with changes, and check everything again."""
        play, chance = self._play, self._play.chance
        check_unchanged(play, self.sync)
        for _ in range(chance.randint(1, 3)):
            play.library.edit()
        if chance.random() < 0.3:
            play.library.sweep()
        if chance.random() < 0.5:
            self._sync_once(chance.choice(CAREFUL))
        if chance.random() < 0.2 and not play.is_large:
            self._try_on_a_part()
        if play.neighbour.is_restless:
            play.neighbour.come_or_go()
        self.judged()

    def _try_on_a_part(self) -> None:
        """Try other settings on a part of the files, and set them back."""
        play, wanted = self._play, self._play.rules
        play.deploy(changed_rules(wanted, chunk_max_tokens=300))
        self._sync_once(SyncRequest(prefix="a/", max_imports=AS_MUCH_AS_IT_TAKES))
        play.deploy(wanted)

    def wait_out_hold(self, batch: Batch | None = None) -> bool:
        """Let the time of a hold pass, if one is in force or the batch ended with one."""
        stage = self._play.stage
        if batch is not None and batch.hold_until is not None:
            stage.advance_to(batch.hold_until)
            return True
        state = self._play.records.get(BreakerState, BREAKER).record or BreakerState()
        standing = holds.in_force(state.hold, stage.now())
        if standing is not None:
            longest = standing.hold_until - stage.now()
            require(longest <= LONGEST_HOLD, "no_wait_without_deadline", standing)
            stage.advance_to(standing.hold_until)
        return standing is not None

    # --- one sync ---------------------------------------------------------------------------

    def _sync_once(self, request: SyncRequest | None = None) -> Batch:
        play = self._play
        if play.is_store_gone():
            request = REPLACING
        elif self._is_to_move():
            request = NEW_STORE
        play.invariants.indexed.clear()
        play.invariants.put_back.clear()
        started = play.start_sync(request or SyncRequest())
        self.peace()
        batch = play.records.get(Batch, batch_path(started.batch_id)).present
        check_figures(play, batch)
        return batch

    def _allowing_all(self) -> SyncRequest:
        """People look, and allow what the guard names."""
        most = AS_MUCH_AS_IT_TAKES
        return SyncRequest(max_deletes=most, max_imports=most)

    def _may_continue(self, batch: Batch) -> bool:
        return self.wait_out_hold(batch) or batch.hold is HoldReason.BUDGET

    def _is_limited(self) -> bool:
        play = self._play
        is_bounded = play.rules.settings.max_imports_per_sync is not None
        return is_bounded or play.day_limits.are_in_force

    def _is_to_move(self) -> bool:
        """Whether the settings name another store than the records."""
        known = self._play.records.get(Belonging, DEPLOYMENT).record
        return known is not None and known.store_name != self._play.rules.settings.store_name

    def _finish_first(self) -> None:
        """Files are still processed for the old store: set its name back, and sync."""
        play = self._play
        wanted, known = play.rules, play.records.get(Belonging, DEPLOYMENT).present
        play.deploy(changed_rules(wanted, store_display_name=known.store_name))
        for _ in range(MOST_LIMITED_SYNCS):
            batch = self._sync_once()
            if not (batch.status is BatchStatus.DEFERRED and self._may_continue(batch)):
                break
        play.deploy(wanted)
