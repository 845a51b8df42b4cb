"""Begins and ends the hold ``budget`` of a batch, and keeps the figures for its summary."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.batch.batch import Batch
from shared.domain.estimate.budget import BudgetState, Load
from shared.domain.figures import amount
from shared.domain.throttle import holds
from shared.domain.throttle.holds import HoldReason
from shared.gateways.database.records import Stored
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.lease.held_batch import changed
from shared.services.throttle.budget import Budget
from shared.services.throttle.pump import Plan


class BudgetHold:
    """The hold of a batch whose deployment's limits are reached.

    It is judged anew at each call of the supervisor, so a higher limit or a new day ends it.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def update(self, held: Stored[Batch], plan: Plan) -> Stored[Batch]:
        """Begin or end the hold as the plan found it, and save the figures if they changed.

        Raises:
            LostLease: another call supervises the batch.
        """
        if plan.budget_is_spent is None:
            return held
        if plan.budget_is_spent:
            return self._held(held)
        if held.present.hold is HoldReason.BUDGET:
            return changed(self._context, held, hold=None, hold_until=None)
        return held

    def refreshed(self, held: Stored[Batch], left: Load | None = None) -> Stored[Batch]:
        """Save the latest figures; ``left`` is what waits to be imported, if that is known."""
        return changed(self._context, held, budget=self._state(held.present, left))

    def message(self, batch: Batch) -> str:
        """Which limit is reached, what is left, and what to do; empty without the hold."""
        state = batch.budget
        if batch.hold is not HoldReason.BUDGET or state is None:
            return ""
        return f"{_reached(state)}; {_left(state)}{_alone(state)}"

    def _held(self, held: Stored[Batch]) -> Stored[Batch]:
        now = self._context.clock.now()
        state = self._state(held.present)
        by_day = state is not None and not _is_by_imports(state)
        until = holds.next_quota_reset(now) if by_day else None
        before = held.present
        if state is not None and before.hold is not HoldReason.BUDGET:
            emit(
                Event.BUDGET_REACHED,
                f"{_reached(state)}; {_left(state)}.",
                batch_id=before.batch_id,
                limit=state.limit,
                spent=state.spent,
                max_imports=state.max_imports,
                files=state.files,
                cost=state.cost,
            )
        after = replace(before, hold=HoldReason.BUDGET, hold_until=until, budget=state)
        if after == before:
            return held
        return changed(self._context, held, hold=HoldReason.BUDGET, hold_until=until, budget=state)

    def _state(self, batch: Batch, left: Load | None = None) -> BudgetState | None:
        part = self._context.rules.settings.part(batch.prefix)
        budget = Budget(self._context, part)
        return budget.state(batch.batch_id, self._context.clock.now(), left)


def _is_by_imports(state: BudgetState) -> bool:
    return state.max_imports is not None and state.imports >= state.max_imports


def _reached(state: BudgetState) -> str:
    if _is_by_imports(state):
        return (
            f"MAX_IMPORTS_PER_SYNC={state.max_imports} is reached: {state.imports} imports were "
            "begun; the next sync continues"
        )
    limit, spent = amount(state.limit or 0.0), amount(state.spent)
    return (
        f"{spent} of the {limit} {state.currency} that imports may cost a day (MAX_COST_PER_DAY) "
        "is spent, and no file that waits fits into the rest; the first sync of the next quota day "
        "continues, or the next one after the limit is raised"
    )


def _left(state: BudgetState) -> str:
    cost = "" if state.cost is None else f" of an estimated {amount(state.cost)} {state.currency}"
    return f"{state.files} files{cost} are left"


def _alone(state: BudgetState) -> str:
    if not state.alone:
        return ""
    return (
        f"; {state.alone!r} costs more than a whole day may, so it goes alone, first on a day "
        "on which nothing else was imported"
    )
