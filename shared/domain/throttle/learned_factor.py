"""The learned factor: the share of the preset rate that the service has been found to accept.

As in TCP's congestion control, it is multiplied down when the circuit opens, and rises by a small
step after each clean window whose calls came at about the allowed rate. It never exceeds 1, so the
preset stays the upper bound.

TCP takes every loss for congestion, so it stays slow where losses have another cause. Here, OPEN
tests the cause: if 429s are about as frequent at a third of the rate, the rate does not cause them,
and lowering it would not end them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.breaker_window import Window, began_at, tally

_DIGITS = 4  # rounding keeps steps of 0.05 free of floating-point error

_SINCE_OPEN = 2
"""Changes of state between OPEN and the next CLOSED: one to HALF_OPEN, one to CLOSED."""


def lowered(state: BreakerState, now: datetime, policy: BreakerPolicy) -> BreakerState:
    """Cut the factor once, but not below ``factor_floor``."""
    factor = max(policy.factor_floor, state.learned_factor * policy.factor_cut)
    return replace(_with_factor(state, factor, now), factor_cut_at=now)


def relearned(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy
) -> BreakerState:
    """Cut the factor, or restore the preset, as 429s open the circuit.

    Restores the preset if 429s were about as frequent at the slow rate of the previous OPEN, as far
    as the window still holds its calls. At or above ``heeded_share``, always cuts.
    """
    in_closed = tally(window, state.generation, policy)
    in_open = tally(window, state.generation - _SINCE_OPEN, policy)
    alike = in_open.share >= in_closed.share * policy.alike_share
    if alike and in_closed.share < policy.heeded_share:
        return _raised_to(state, 1.0, now)
    return lowered(state, now, policy)


def relearned_in_open(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy
) -> BreakerState:
    """After a 429 in OPEN: cut the factor, once per opening, if even that rate is too fast."""
    in_open = tally(window, state.generation, policy)
    too_few = in_open.throttled < policy.throttle_threshold or in_open.share < policy.heeded_share
    opened_at, cut_at = state.opened_at or now, state.factor_cut_at
    if too_few or (cut_at is not None and cut_at > opened_at):
        return state
    return lowered(state, now, policy)


def on_document_failed(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy
) -> BreakerState | None:
    """A document turned FAILED after its import was accepted; too many of these cut the factor.

    The service can accept every import and fail later, so 429s alone don't show an overload.
    Failures are counted over the time that the latest full window of calls took. Failures within
    ``cooldown`` of the latest cut belong to documents imported before it and are not counted.
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
    """Raise the factor by one step, if a clean ``window`` justifies it.

    It does if all its calls came after the factor's last change, no document turned FAILED
    meanwhile, and the calls were frequent enough to test the allowed rate.

    ``preset_rate`` is the tier's metered requests per second.
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
    return replace(_with_factor(state, min(1.0, factor), now), factor_raised_at=now)


def _with_factor(state: BreakerState, factor: float, now: datetime) -> BreakerState:
    return replace(state, learned_factor=round(factor, _DIGITS), updated_at=now)
