"""A circuit breaker for one store: when Gemini throttles, slow down, probe, recover.

CLOSED runs at the preset rate. Five 429s among the latest 100 entries, three in a row, or a storm
of 5xx replies OPEN it. OPEN slows rather than stops: after a short hold, requests trickle. Once
the cooldown is over, HALF_OPEN lets a few probes through; all good closes it, one 429 reopens it.

Every change of state bumps ``generation``. Permits and window entries carry the generation they
were made under, and what comes back under another one is dropped: a late 429 extends nothing, a
late success proves nothing, and after each recovery the window is empty without being deleted.

The state is one document and must stay cool, so successes are not written to it in CLOSED; they
are entries of the window, which is read when a 429, a 5xx or the supervisor asks. Functions that
may change the state return the new one, or None when there is nothing to write.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.circuit import (
    BreakerState,
    CircuitState,
    OpenCause,
    change_state,
)
from shared.domain.throttle.learned_factor import (
    raised,
    relearned,
    relearned_in_trickle,
)
from shared.domain.throttle.window import (
    Window,
    is_clean,
    is_repeated,
    is_tripped,
    last_success_at,
)


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make a call. Calls that need none (polls, reads) carry the generation alone."""

    generation: int
    probe_id: str = ""


@dataclass(frozen=True, slots=True)
class Proceed:
    """Make the call under ``permit``, after ``state`` is written if there is one."""

    permit: Permit
    state: BreakerState | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again at ``until``."""

    until: datetime


Admission = Proceed | Wait


def admit(state: BreakerState, now: datetime, permit_id: str, policy: BreakerPolicy) -> Admission:
    """May a metered call be made now?

    Args:
        state: The record as read; it may still be OPEN though its cooldown is over.
        now: The time of asking.
        permit_id: Names the attempt, so that HALF_OPEN can count; asked again under the id of a
            live permit, the answer is the same permit.
        policy: The numbers.
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
    """The end of the hold that metered calls must wait out, if there is one now."""
    until = state.hold_until
    return until if until is not None and now < until else None


def is_untroubled(state: BreakerState) -> bool:
    """Whether time has nothing to change: the window need not be read."""
    return state.state is CircuitState.CLOSED and state.learned_factor == 1.0


def is_stale(state: BreakerState, permit: Permit, now: datetime) -> bool:
    """Whether a result under ``permit`` comes too late: it is to be logged, and changes nothing.

    It does if the state has changed since, or if its probe's permit has expired.
    """
    if permit.generation != state.generation:
        return True
    return bool(permit.probe_id) and permit.probe_id not in _live_permits(state, now)


def slowdown(state: BreakerState, policy: BreakerPolicy) -> float:
    """How many times longer than the preset's the spacing of metered calls must be; >= 1."""
    by_state = {
        CircuitState.CLOSED: 1.0,
        CircuitState.HALF_OPEN: policy.half_open_slowdown,
        CircuitState.OPEN: policy.open_slowdown,
    }
    return by_state[state.state] / state.learned_factor


def on_success(
    state: BreakerState, permit: Permit, now: datetime, policy: BreakerPolicy
) -> BreakerState | None:
    """A metered call succeeded. Writes for probes only; the last good one closes the circuit."""
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
    """A metered call got a 429 that speaks of a rate; ``window`` already holds its entry.

    It holds, and may open the circuit. Calls in flight when a hold began bring their 429s during
    it: those count in the window, but only a Retry-After extends the hold.
    """
    if is_stale(state, permit, now):
        return None
    wish = believed(retry_after, policy)
    hold = wish or policy.default_hold
    match state.state:
        case CircuitState.HALF_OPEN:
            return _opened(state, OpenCause.THROTTLED, now, policy, wish)
        case CircuitState.CLOSED if is_tripped(window, state.generation, policy):
            learned = relearned(state, window, now, policy)
            return _opened(learned, OpenCause.THROTTLED, now, policy, wish)
        case CircuitState.OPEN:
            if is_repeated(window):
                hold = max(wish, _doubled_hold(state, now))
            after = _held(relearned_in_trickle(state, window, now, policy), hold, wish, now)
        case _:
            after = _held(state, hold, wish, now)
    return after if after is not state else None


def on_unmetered_throttled(
    state: BreakerState,
    permit: Permit,
    now: datetime,
    policy: BreakerPolicy,
    *,
    retry_after: timedelta | None = None,
) -> BreakerState | None:
    """A poll, a look or a deletion got such a 429: it holds metered calls too, and no more.

    Their share can't be told from it: successes of such calls, several to a file, leave no entry.
    """
    if is_stale(state, permit, now):
        return None
    wish = believed(retry_after, policy)
    after = _held(state, wish or policy.default_hold, wish, now)
    return after if after is not state else None


def on_server_error(
    state: BreakerState, window: Window, permit: Permit, now: datetime, policy: BreakerPolicy
) -> BreakerState | None:
    """A call got a 5xx: gives a probe's permit back, and counts towards a storm.

    A storm says nothing about rates, so it leaves the learned factor alone.
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
    """A call failed in a way that says nothing about the service: a probe's permit goes back."""
    if not permit.probe_id or is_stale(state, permit, now):
        return None
    return _returned(state, permit, now)


def on_tick(
    state: BreakerState, window: Window, now: datetime, policy: BreakerPolicy, *, preset_rate: float
) -> BreakerState | None:
    """What time alone changes: cooldowns and permits run out, clean windows earn trust.

    ``preset_rate`` is the tier's metered requests per second; a window counts for the learned
    factor only if it was made at about the rate that was allowed.
    """
    match state.state:
        case CircuitState.OPEN:
            return _cooled_down(state, now)
        case CircuitState.HALF_OPEN:
            permits = _live_permits(state, now)
            expired = len(permits) < len(state.permits)
            return replace(state, permits=permits, updated_at=now) if expired else None
        case CircuitState.CLOSED:
            if not is_clean(window, state.generation, policy):
                return None
            after = raised(state, window, now, policy, preset_rate)
            return after if after is not state else None


def _opened(
    state: BreakerState, cause: OpenCause, now: datetime, policy: BreakerPolicy, wish: timedelta
) -> BreakerState:
    doublings = min(state.openings, 16)  # far past the cap, far below what a timedelta holds
    cooldown = max(min(policy.cooldown * 2**doublings, policy.cooldown_cap), wish)
    opened = replace(
        change_state(state, CircuitState.OPEN, now),
        opened_at=now,
        open_cause=cause,
        openings=state.openings + 1,
        cooldown_until=now + cooldown,
        cooldown_seconds=cooldown.total_seconds(),
    )
    return _with_hold(opened, wish or policy.default_hold, now)


def _cooled_down(state: BreakerState, now: datetime) -> BreakerState | None:
    """HALF_OPEN, if the circuit is OPEN and its cooldown is over."""
    if state.cooldown_until is None or now < state.cooldown_until:
        return None
    return change_state(state, CircuitState.HALF_OPEN, now)


def _with_hold(state: BreakerState, hold: timedelta, now: datetime) -> BreakerState:
    """A hold of that length; a later end that already stands is kept."""
    until = max(now + hold, state.hold_until or now)
    return replace(state, hold_until=until, hold_seconds=hold.total_seconds(), updated_at=now)


def _held(state: BreakerState, hold: timedelta, wish: timedelta, now: datetime) -> BreakerState:
    """A hold of that length; one that stands is extended by the service's own wish alone."""
    held = held_until(state, now)
    if held is None:
        return _with_hold(state, hold, now)
    return _with_hold(state, wish, now) if now + wish > held else state


def _doubled_hold(state: BreakerState, now: datetime) -> timedelta:
    """In OPEN: twice the last hold, at most to the cooldown's end."""
    doubled = timedelta(seconds=2 * state.hold_seconds)
    return min(doubled, state.cooldown_until - now) if state.cooldown_until else doubled


def believed(retry_after: timedelta | None, policy: BreakerPolicy) -> timedelta:
    """The service's wish within sane bounds; zero if it has none."""
    return min(max(retry_after or timedelta(0), timedelta(0)), policy.retry_after_cap)


def _live_permits(state: BreakerState, now: datetime) -> dict[str, datetime]:
    return {name: expires for name, expires in state.permits.items() if now < expires}


def _returned(state: BreakerState, permit: Permit, now: datetime) -> BreakerState:
    """The permit, if it was a probe's, is given back."""
    permits = {name: until for name, until in state.permits.items() if name != permit.probe_id}
    return replace(state, permits=permits, updated_at=now)
