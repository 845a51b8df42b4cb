"""The breaker's record, and the legal changes of its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.throttle.holds import Hold


class CircuitState(StrEnum):
    """CLOSED runs at the allowed rate, OPEN at a fraction of it, HALF_OPEN lets probes through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class OpenCause(StrEnum):
    """What opened the breaker."""

    THROTTLED = "throttled"
    SERVER_ERRORS = "server_errors"


STATE_CHANGES: Mapping[CircuitState, frozenset[CircuitState]] = {
    CircuitState.CLOSED: frozenset({CircuitState.OPEN}),
    CircuitState.OPEN: frozenset({CircuitState.HALF_OPEN}),
    CircuitState.HALF_OPEN: frozenset({CircuitState.OPEN, CircuitState.CLOSED}),
}


class IllegalStateChange(ValueError):
    """A change of state that ``STATE_CHANGES`` doesn't allow."""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """The breaker's record, at ``breaker/state``. The defaults are a new breaker.

    It also has what else decides about a metered request, so that a delivery reads one document
    beside its file's. It is written a few times a minute at most.

    Attributes:
        state: The circuit's state.
        schema_version: Version of this record's schema.
        generation: Number of changes of state so far; never decreases.
        moved_at: When the state last changed.
        opened_at: When the circuit last opened.
        open_cause: What opened it then.
        openings: How often it opened since it was last CLOSED; each doubles the cooldown.
        cooldown_until: When OPEN changes to HALF_OPEN; set only in OPEN.
        cooldown_seconds: Length of the latest cooldown.
        hold_until: No metered call is made before this time, whatever the state.
        hold_seconds: Length of the latest hold; doubles after 429s in a row in OPEN.
        permits: Probes under way in HALF_OPEN, by id, with the times at which they expire.
        probe_successes: Probes of this HALF_OPEN that succeeded.
        learned_factor: Share of the preset rate that the service was found to accept.
        settled_factor: The share to return to if a trial of a larger one meets 429s.
        refused_factor: The share that last met 429s, until a trial goes beyond it.
        failed_trials: Trials in a row that met 429s.
        factor_cut_at: When the factor was last lowered.
        factor_raised_at: When the factor was last raised.
        server_errors: Times of the latest 5xx replies without a success since, newest first.
        late_starts_until: Until then, metered deliveries look for the starts that are booked.
        failed_documents: Times at which the latest documents turned FAILED, newest first.
        hold: The latest hold, whether or not it is in force; None before the first.
        running: Id of the batch that may begin metered requests; empty if none may.
        part: The prefix of the files for which it may.
        updated_at: When this record last changed.
    """

    state: CircuitState = CircuitState.CLOSED
    schema_version: int = 1
    generation: int = 0
    moved_at: datetime | None = None
    opened_at: datetime | None = None
    open_cause: OpenCause | None = None
    openings: int = 0
    cooldown_until: datetime | None = None
    cooldown_seconds: float = 0.0
    hold_until: datetime | None = None
    hold_seconds: float = 0.0
    permits: dict[str, datetime] = field(default_factory=dict)
    probe_successes: int = 0
    learned_factor: float = 1.0
    settled_factor: float = 1.0
    refused_factor: float | None = None
    failed_trials: int = 0
    factor_cut_at: datetime | None = None
    factor_raised_at: datetime | None = None
    server_errors: tuple[datetime, ...] = ()
    failed_documents: tuple[datetime, ...] = ()
    late_starts_until: datetime | None = None
    hold: Hold | None = None
    running: str = ""
    part: str = ""
    updated_at: datetime | None = None


def change_state(state: BreakerState, target: CircuitState, now: datetime) -> BreakerState:
    """Change the state, begin a new generation, and drop what belonged to the old one.

    Raises:
        IllegalStateChange: ``STATE_CHANGES`` doesn't allow it.
    """
    if target not in STATE_CHANGES[state.state]:
        raise IllegalStateChange(f"the breaker can't go from {state.state} to {target}")
    return replace(
        state,
        state=target,
        generation=state.generation + 1,
        cooldown_until=None,
        permits={},
        probe_successes=0,
        server_errors=(),
        moved_at=now,
        updated_at=now,
    )
