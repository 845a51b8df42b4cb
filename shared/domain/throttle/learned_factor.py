"""The learned factor: what share of the preset rate the service was found to bear.

Down by multiplication when the circuit opens, up by a small step after each clean window that was
used at about the allowed rate, as TCP does. The preset stays the ceiling: the factor never exceeds
1. TCP takes every loss for congestion, and so crawls where losses have another cause. Here OPEN is
an experiment: 429s that come about as often at a third of the rate are not about the rate, and no
cut would end them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.circuit import BreakerState
from shared.domain.throttle.window import Window, began_at, tally

_DIGITS = 4  # keeps 0.05 steps free of binary dust

_SINCE_OPEN = 2
"""Changes of state from OPEN to CLOSED, always by way of HALF_OPEN."""


def lowered(state: BreakerState, now: datetime, policy: BreakerPolicy) -> BreakerState:
    """One cut, not below the floor."""
    factor = max(policy.factor_floor, state.learned_factor * policy.factor_cut)
    return replace(_changed(state, factor, now), factor_cut_at=now)


def relearned(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy
) -> BreakerState:
    """429s are about to open the circuit: one cut, or back to the preset.

    It goes back if the trickle of the opening before met 429s about as often, as far as the window
    still shows it. A share of 429s that is to be heeded costs a cut all the same.
    """
    latest = tally(window, state.generation, policy)
    trickle = tally(window, state.generation - _SINCE_OPEN, policy)
    alike = trickle.share >= latest.share * policy.alike_share
    if alike and latest.share < policy.heeded_share:
        return _raised_to(state, 1.0, now)
    return lowered(state, now, policy)


def relearned_in_trickle(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy
) -> BreakerState:
    """A 429 in OPEN: one cut more, once in each opening, if even the trickle is too fast."""
    trickle = tally(window, state.generation, policy)
    is_few = trickle.throttled < policy.throttle_threshold or trickle.share < policy.heeded_share
    opened_at, cut_at = state.opened_at or now, state.factor_cut_at
    if is_few or (cut_at is not None and cut_at > opened_at):
        return state
    return lowered(state, now, policy)


def on_document_failed(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy
) -> BreakerState | None:
    """A document turned FAILED after its import was accepted: too many of them cut the factor.

    The service can answer 200 to everything and fail later, so 429s alone would not tell. The
    failures are counted over the time that the latest full window of requests took. Those within a
    cooldown of the latest cut are of documents imported before it, and are not counted.
    """
    cut_at = state.factor_cut_at
    if cut_at is not None and now - cut_at < policy.cooldown:
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
    return _raised_to(state, state.learned_factor + policy.factor_step, now)


def _raised_to(state: BreakerState, factor: float, now: datetime) -> BreakerState:
    return replace(_changed(state, min(1.0, factor), now), factor_raised_at=now)


def _changed(state: BreakerState, factor: float, now: datetime) -> BreakerState:
    return replace(state, learned_factor=round(factor, _DIGITS), updated_at=now)
