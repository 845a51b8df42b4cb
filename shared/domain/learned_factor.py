"""The learned factor: what share of the preset rate the service was found to bear.

Down by multiplication on trouble, up by a small step after each clean window that was used at
about the allowed rate, as TCP does. The preset stays the ceiling: the factor never exceeds 1.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.breaker_policy import BreakerPolicy
from shared.domain.breaker_state import BreakerState
from shared.domain.breaker_window import Window, began_at

_DIGITS = 4  # keeps 0.05 steps free of binary dust


def lowered(state: BreakerState, now: datetime, policy: BreakerPolicy) -> BreakerState:
    """One cut, not below the floor."""
    factor = max(policy.factor_floor, round(state.learned_factor * policy.factor_cut, _DIGITS))
    return replace(state, learned_factor=factor, factor_cut_at=now, updated_at=now)


def on_document_failed(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy
) -> BreakerState | None:
    """A document turned FAILED after its import was accepted: too many of them cut the factor.

    The service can answer 200 to everything and fail later, so 429s alone would not tell. The
    failures are counted over the time that the latest full window of requests took.
    """
    cut_at = state.factor_cut_at
    if cut_at is not None and now - cut_at < policy.failed_documents_pause:
        return None
    since = began_at(window, policy) or now - policy.window_retention
    failed = (now, *(at for at in state.failed_documents if at > since))
    if len(failed) < policy.failed_documents_threshold:
        return replace(state, failed_documents=failed, updated_at=now)
    return lowered(replace(state, failed_documents=()), now, policy)


def raised(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy, preset_rate: float
) -> BreakerState:
    """One step up, if a clean ``window`` earned it.

    It did if all of it was made since the factor's last change, no document turned FAILED
    meanwhile, and it was made fast enough to say something about the allowed rate.
    """
    began = began_at(window, policy)
    if began is None or state.learned_factor >= 1:
        return state
    changes = (state.factor_cut_at, state.factor_raised_at, *state.failed_documents)
    if any(at is not None and at >= began for at in changes):
        return state
    least_rate = preset_rate * state.learned_factor * policy.least_utilisation
    if window[0].at - began > timedelta(seconds=policy.window_size / least_rate):
        return state
    factor = min(1.0, round(state.learned_factor + policy.factor_step, _DIGITS))
    return replace(state, learned_factor=factor, factor_raised_at=now, updated_at=now)
