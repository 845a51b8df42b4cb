"""Answers about the breaker and the holds, JSON-ready."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.domain.batch.batch import Batch
from shared.domain.deployment.deployment import Deployment
from shared.domain.throttle import breaker, holds
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.holds import HoldReason
from shared.gateways.database.records import BREAKER, DEPLOYMENT, Records
from shared.services.report.summary import time_text


class ThrottleReport:
    """Tells what slows metered requests down, or stops them."""

    def __init__(self, records: Records, policy: BreakerPolicy) -> None:
        self._records = records
        self._policy = policy

    def breaker(self) -> dict[str, Any]:
        """The breaker's state, and the hold in force, or None."""
        state = self._records.get(BreakerState, BREAKER)
        known = state.record or BreakerState()
        standing = holds.in_force(known.hold, state.read_time)
        return {
            "breaker": {
                "state": known.state.value,
                "generation": known.generation,
                "learned_factor": known.learned_factor,
                "slowdown": round(breaker.slowdown(known, self._policy), 3),
                "hold_until": time_text(known.hold_until),
                "cooldown_until": time_text(known.cooldown_until),
            },
            "hold": standing
            and {"reason": standing.reason.value, "until": time_text(standing.hold_until)},
        }

    def of_batch(self, batch: Batch, now: datetime) -> dict[str, Any]:
        """The breaker and the hold, which may be one of the batch alone."""
        found = self.breaker()
        if found["hold"] is None and batch.hold is not None and self._holds(batch, now):
            found["hold"] = {"reason": batch.hold.value, "until": time_text(batch.hold_until)}
        return found

    def _holds(self, batch: Batch, now: datetime) -> bool:
        """Whether the batch's hold is still in force; the batch may be over."""
        if not batch.status.is_terminal:
            return True
        if batch.hold is HoldReason.OTHER_DEPLOYMENT:
            known = self._records.get(Deployment, DEPLOYMENT).record
            return known is not None and bool(known.other_documents)
        return batch.hold_until is not None and now < batch.hold_until
