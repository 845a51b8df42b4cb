"""A circuit breaker for one store: slow down when Gemini throttles, probe, recover.

CLOSED runs at the allowed rate: the preset, times the learned factor. Five 429s among the latest
100 entries, three 429s in a row, or a storm of 5xx replies open the circuit. OPEN does not stop:
after a short hold, requests continue at a third of the rate. After the cooldown, HALF_OPEN lets a
few probes through; if all succeed the circuit closes, and one 429 reopens it.

Every change of state increases ``generation``. Permits and window entries carry the generation in
which they were made, and a result from another generation is dropped: a late 429 extends no hold,
a late success proves nothing, and each recovery starts with an empty window without deleting
entries.

The state is one document, and frequent writes to one document contend. So in CLOSED, successes are
not written to it: they become entries of the window, which is read only for a 429, a 5xx or the
supervisor. Functions that may change the state return the new one, or None if nothing is to be
written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.breaker_state import (
    BreakerState,
    CircuitState,
    OpenCause,
    change_state,
)
from shared.domain.throttle.breaker_window import (
    Window,
    is_repeated,
    is_tripped,
    last_success_at,
)
from shared.domain.throttle.learned_factor import (
    lowered,
    next_raise_at,
    raised,
    relearned,
    relearned_in_open,
    tried,
)


@dataclass(frozen=True, slots=True)
class Permit:
    """Permission to make a call. Unmetered calls (polls, reads) carry the generation only."""

    generation: int
    probe_id: str = ""


@dataclass(frozen=True, slots=True)
class Proceed:
    """Make the call under ``permit``; write ``state`` first, unless it is None."""

    permit: Permit
    state: BreakerState | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again at ``until``."""

    until: datetime


Admission = Proceed | Wait


def admit(state: BreakerState, now: datetime, permit_id: str, policy: BreakerPolicy) -> Admission:
    """Whether a metered call may be made now, or when to ask again.

    Args:
        state: The record as read; it may still be OPEN though its cooldown is over.
        now: The current time.
        permit_id: Identifies the attempt, so that HALF_OPEN can count its probes. Asking again
            with the id of a live permit returns the same permit.
        policy: Thresholds and times.
    """
    held = held_until(state, now)
    if held is not None:
        return Wait(held)
    recovering = _cooled_down(state, now)
    if recovering is None and state.state is not CircuitState.HALF_OPEN:
        return Proceed(Permit(state.generation))

    half_open = recovering or state
    permit = Permit(half_open.generation, permit_id)
    permits = _live_permits(half_open, now)
    if permit_id in permits:
        return Proceed(permit)
    if len(permits) + half_open.probe_successes >= policy.half_open_probes:
        return Wait(min([*permits.values(), now + policy.default_hold]))
    permits[permit_id] = now + policy.permit_lifetime
    return Proceed(permit, replace(half_open, permits=permits, updated_at=now))


def held_until(state: BreakerState, now: datetime) -> datetime | None:
    """The end of the hold that stops metered calls now; None without one."""
    until = state.hold_until
    return until if until is not None and now < until else None


def is_tick_due(state: BreakerState, now: datetime, policy: BreakerPolicy) -> bool:
    """Whether ``on_tick`` may change anything, so that the window has to be read."""
    if state.state is not CircuitState.CLOSED:
        return True
    due = next_raise_at(state, policy)
    return due is not None and due <= now


def is_stale(state: BreakerState, permit: Permit, now: datetime) -> bool:
    """Whether a result under ``permit`` comes too late to count, and is only to be logged.

    That is so if the state has changed since, or if the probe's permit has expired.
    """
    if permit.generation != state.generation:
        return True
    return bool(permit.probe_id) and permit.probe_id not in _live_permits(state, now)


def slowdown(state: BreakerState, policy: BreakerPolicy) -> float:
    """The factor (>= 1) by which the spacing of metered calls is longer than the preset's."""
    by_state = {
        CircuitState.CLOSED: 1.0,
        CircuitState.HALF_OPEN: policy.half_open_slowdown,
        CircuitState.OPEN: policy.open_slowdown,
    }
    return by_state[state.state] / state.learned_factor


def on_success(
    state: BreakerState, permit: Permit, now: datetime, policy: BreakerPolicy
) -> BreakerState | None:
    """A metered call succeeded. Only probes change the state; the last one closes the circuit."""
    if not permit.probe_id or is_stale(state, permit, now):
        return None
    successes = state.probe_successes + 1
    if successes >= policy.half_open_probes:
        return replace(change_state(state, CircuitState.CLOSED, now), openings=0)
    return replace(_returned(state, permit, now), probe_successes=successes)


def on_throttled(
    state: BreakerState,
    window: Window,
    permit: Permit,
    now: datetime,
    policy: BreakerPolicy,
    *,
    retry_after: timedelta | None = None,
) -> BreakerState | None:
    """A metered call got a 429 for its rate; ``window`` already holds the entry.

    Begins a hold, and may open the circuit. Calls that were sent before a hold began may get 429s
    during it: these count in the window, but only a Retry-After extends the hold.
    """
    if is_stale(state, permit, now):
        return None
    asked = believed(retry_after, policy)
    hold = asked or policy.default_hold
    match state.state:
        case CircuitState.HALF_OPEN:
            learned = lowered(state, now, policy)
            return _opened(learned, OpenCause.THROTTLED, now, policy, asked)
        case CircuitState.CLOSED if is_tripped(window, state.generation, policy):
            learned = relearned(state, window, now, policy)
            return _opened(learned, OpenCause.THROTTLED, now, policy, asked)
        case CircuitState.OPEN:
            if is_repeated(window):
                hold = max(asked, _doubled_hold(state, now))
            after = _held(relearned_in_open(state, window, now, policy), hold, asked, now)
        case _:
            after = _held(tried(state, window, now, policy), hold, asked, now)
    return after if after is not state else None


def on_unmetered_throttled(
    state: BreakerState,
    permit: Permit,
    now: datetime,
    policy: BreakerPolicy,
    *,
    retry_after: timedelta | None = None,
) -> BreakerState | None:
    """A poll, another read or a deletion got a 429 for its rate: metered calls are held too.

    It does not count towards opening the circuit: successes of such calls make no entry in the
    window, so the share of 429s among them is unknown.
    """
    if is_stale(state, permit, now):
        return None
    asked = believed(retry_after, policy)
    after = _held(state, asked or policy.default_hold, asked, now)
    return after if after is not state else None


def on_server_error(
    state: BreakerState, window: Window, permit: Permit, now: datetime, policy: BreakerPolicy
) -> BreakerState | None:
    """A call got a 5xx, which counts towards a storm; a probe's permit is given back.

    A storm has nothing to do with the rate, so the learned factor stays as it is.
    """
    if is_stale(state, permit, now) or state.state is CircuitState.OPEN:
        return None
    since = max(now - policy.storm_span, last_success_at(window) or now - policy.storm_span)
    errors = tuple(at for at in state.server_errors if at > since)
    if errors and now - errors[0] < policy.storm_spacing:
        return on_other_error(state, permit, now)
    errors = (now, *errors)
    if len(errors) >= policy.storm_threshold:
        return _opened(state, OpenCause.SERVER_ERRORS, now, policy, timedelta(0))
    return replace(_returned(state, permit, now), server_errors=errors)


def on_other_error(state: BreakerState, permit: Permit, now: datetime) -> BreakerState | None:
    """A call failed for a reason other than the service: a probe's permit is given back."""
    if not permit.probe_id or is_stale(state, permit, now):
        return None
    return _returned(state, permit, now)


def on_tick(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy, *, preset_rate: float
) -> BreakerState | None:
    """What the passing of time changes: cooldowns and permits end, the learned factor is raised.

    ``preset_rate`` is the tier's metered requests per second.
    """
    match state.state:
        case CircuitState.OPEN:
            return _cooled_down(state, now)
        case CircuitState.HALF_OPEN:
            permits = _live_permits(state, now)
            expired = len(permits) < len(state.permits)
            return replace(state, permits=permits, updated_at=now) if expired else None
        case CircuitState.CLOSED:
            after = raised(state, window, now, policy, preset_rate)
            return after if after is not state else None


def _opened(
    state: BreakerState, cause: OpenCause, now: datetime, policy: BreakerPolicy, asked: timedelta
) -> BreakerState:
    doublings = min(state.openings, 16)  # beyond the cap, and no overflow of a timedelta
    cooldown = max(min(policy.cooldown * 2**doublings, policy.cooldown_cap), asked)
    opened = replace(
        change_state(state, CircuitState.OPEN, now),
        opened_at=now,
        open_cause=cause,
        openings=state.openings + 1,
        cooldown_until=now + cooldown,
        cooldown_seconds=cooldown.total_seconds(),
    )
    return _with_hold(opened, asked or policy.default_hold, now)


def _cooled_down(state: BreakerState, now: datetime) -> BreakerState | None:
    """HALF_OPEN, if the circuit is OPEN and its cooldown is over."""
    if state.cooldown_until is None or now < state.cooldown_until:
        return None
    return change_state(state, CircuitState.HALF_OPEN, now)


def _with_hold(state: BreakerState, hold: timedelta, now: datetime) -> BreakerState:
    """The state with a hold of this length; if an earlier hold ends later, its end is kept."""
    until = max(now + hold, state.hold_until or now)
    return replace(state, hold_until=until, hold_seconds=hold.total_seconds(), updated_at=now)


def _held(state: BreakerState, hold: timedelta, asked: timedelta, now: datetime) -> BreakerState:
    """The state with a hold of this length; only a Retry-After extends a hold in force."""
    held = held_until(state, now)
    if held is None:
        return _with_hold(state, hold, now)
    return _with_hold(state, asked, now) if now + asked > held else state


def _doubled_hold(state: BreakerState, now: datetime) -> timedelta:
    """Twice the latest hold, but not past the end of the cooldown."""
    doubled = timedelta(seconds=2 * state.hold_seconds)
    return min(doubled, state.cooldown_until - now) if state.cooldown_until else doubled


def believed(retry_after: timedelta | None, policy: BreakerPolicy) -> timedelta:
    """The service's Retry-After within the policy's bounds; zero if it gave none."""
    return min(max(retry_after or timedelta(0), timedelta(0)), policy.retry_after_cap)


def _live_permits(state: BreakerState, now: datetime) -> dict[str, datetime]:
    return {name: expires for name, expires in state.permits.items() if now < expires}


def _returned(state: BreakerState, permit: Permit, now: datetime) -> BreakerState:
    """The state without this permit, if it was a probe's."""
    permits = {name: until for name, until in state.permits.items() if name != permit.probe_id}
    return replace(state, permits=permits, updated_at=now)
