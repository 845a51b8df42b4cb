"""The learned factor: the share of the preset rate that the service has been found to accept.

It is cut when the circuit opens, and then found again by trials. A trial raises the factor. If its
calls come at about the allowed rate for a while without a 429, the new factor is settled and the
next trial begins. At the first 429 the factor returns to the settled one, long before more would
open the circuit: a trial that fails costs a few seconds, an opening costs minutes.

Below the factor that was last refused, a trial goes half of the way to it. Beyond it the service
has changed, and trials grow. Each trial that fails doubles the pause until the next one, so that a
factor just below the limit is left in peace. The factor never exceeds 1: the preset stays the upper
bound.

Not every 429 has the rate for its cause. OPEN tests that: if 429s are about as frequent at a third
of the rate, the rate does not cause them, and lowering it would not end them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.breaker_window import NEVER, Window, began_at, tally

_DIGITS = 4  # a record without the noise of floating-point numbers

_SINCE_OPEN = 2
"""Changes of state between OPEN and the next CLOSED: one to HALF_OPEN, one to CLOSED."""


def lowered(state: BreakerState, now: datetime, policy: BreakerPolicy) -> BreakerState:
    """Cut the factor once, but not below ``factor_floor``, and settle on that."""
    factor = max(policy.factor_floor, state.learned_factor * policy.factor_cut)
    cut = _with_factor(state, factor, now)
    return replace(
        cut,
        settled_factor=cut.learned_factor,
        refused_factor=state.learned_factor,
        failed_trials=0,
        factor_cut_at=now,
    )


def relearned(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy
) -> BreakerState:
    """What becomes of the factor as 429s open the circuit.

    Restores the preset if 429s were about as frequent at the slow rate of the previous OPEN, as far
    as the window still holds its calls, and less frequent than ``heeded_share``. Otherwise a trial
    ends, or the factor is cut. Within ``cooldown`` of the latest cut, or of a trial's end, the 429s
    belong to the factor of before.
    """
    in_closed = tally(window, state.generation, policy)
    in_open = tally(window, state.generation - _SINCE_OPEN, policy)
    alike = in_open.share >= in_closed.share * policy.alike_share
    if alike and in_closed.share < policy.heeded_share:
        return _settled(_raised_to(state, 1.0, now))
    if is_on_trial(state):
        return _fallen_back(state, now)
    if state.factor_cut_at is not None and now - state.factor_cut_at < policy.cooldown:
        return state
    return lowered(state, now, policy)


def tried(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy
) -> BreakerState:
    """After a 429 that leaves the circuit CLOSED: end the trial whose call met it."""
    of_trial = is_on_trial(state) and any(
        call.throttled for call in _since_change(state, window, policy)
    )
    return _fallen_back(state, now) if of_trial else state


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


def is_on_trial(state: BreakerState) -> bool:
    """Whether a factor above the settled one is being tried."""
    return state.learned_factor > state.settled_factor


def next_raise_at(state: BreakerState, policy: BreakerPolicy) -> datetime | None:
    """Before this time, no window raises the factor; None if there is nothing to raise."""
    if state.learned_factor >= 1 and not is_on_trial(state):
        return None
    due = _changed_at(state) + policy.trial_time
    if is_on_trial(state) or not state.failed_trials or state.factor_cut_at is None:
        return due
    doublings = min(state.failed_trials, 16)  # beyond the cap, and no overflow of a timedelta
    pause = min(policy.cooldown * (1 << doublings), policy.trial_pause_cap)
    return max(due, state.factor_cut_at + pause)


def raised(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy, preset_rate: float
) -> BreakerState:
    """Settle on the factor, and begin the next trial, if the service was seen to bear the rate.

    Calls that are under way when a trial ends may get 429s, too. So a trial waits until the window
    has room for as many as are too few in a row to open the circuit.

    ``preset_rate`` is the tier's metered requests per second.
    """
    due, rate = next_raise_at(state, policy), preset_rate * state.learned_factor
    if due is None or now < due or not _is_borne(state, window, now, policy, rate):
        return state
    in_all = tally(window, state.generation, policy).throttled
    if in_all + policy.consecutive_threshold > policy.throttle_threshold:
        return state
    settled = _settled(state)
    return _raised_to(settled, _next_factor(settled, policy), now)


def _is_borne(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy, rate: float
) -> bool:
    """Whether calls at this rate, for ``trial_time`` or all in the window, went well.

    They did if none got a 429, no document turned FAILED meanwhile, and there were enough of them
    to test the rate, in requests per second.
    """
    calls = _since_change(state, window, policy)
    since = max([_changed_at(state), *(call.at for call in calls if call.throttled)])
    clean = [call for call in calls if call.at > since]
    if len(clean) == policy.window_size:
        since = clean[-1].at
    elif len(clean) < policy.trial_calls or now < since + policy.trial_time:
        return False
    has_failed = any(at >= since for at in state.failed_documents)
    least = (now - since).total_seconds() * rate * policy.least_utilisation
    return len(clean) >= least and not has_failed


def _next_factor(state: BreakerState, policy: BreakerPolicy) -> float:
    """The factor to try after the settled one."""
    factor, refused = state.learned_factor, state.refused_factor
    if refused is None:
        return factor * policy.factor_growth
    return factor + max((refused - factor) / 2, policy.least_step)


def _settled(state: BreakerState) -> BreakerState:
    """The state with its factor as the settled one; what was refused below it is forgotten."""
    factor, refused = state.learned_factor, state.refused_factor
    if refused is not None and factor < refused:
        return replace(state, settled_factor=factor)
    return replace(state, settled_factor=factor, refused_factor=None, failed_trials=0)


def _fallen_back(state: BreakerState, now: datetime) -> BreakerState:
    """The state after a trial that failed."""
    return replace(
        _with_factor(state, state.settled_factor, now),
        refused_factor=state.learned_factor,
        failed_trials=state.failed_trials + 1,
        factor_cut_at=now,
    )


def _changed_at(state: BreakerState) -> datetime:
    """Since when calls have come at the present rate."""
    changes = (state.factor_cut_at, state.factor_raised_at, state.moved_at)
    return max((at for at in changes if at is not None), default=NEVER)


def _since_change(state: BreakerState, window: Window, policy: BreakerPolicy) -> Window:
    """The window's calls that were made at the present rate, newest first."""
    changed = _changed_at(state)
    latest = window[: policy.window_size]
    return [call for call in latest if call.generation == state.generation and call.at > changed]


def _raised_to(state: BreakerState, factor: float, now: datetime) -> BreakerState:
    return replace(_with_factor(state, min(1.0, factor), now), factor_raised_at=now)


def _with_factor(state: BreakerState, factor: float, now: datetime) -> BreakerState:
    return replace(state, learned_factor=round(factor, _DIGITS), updated_at=now)
