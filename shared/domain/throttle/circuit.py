"""The breaker's record and the changes of state it allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class CircuitState(StrEnum):
    """CLOSED runs at the preset rate, OPEN trickles, HALF_OPEN probes."""

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
    """A change of state that ``STATE_CHANGES`` doesn't hold."""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """At ``breaker/state``. The defaults are a breaker that has seen nothing.

    Attributes:
        state: Where the circuit stands.
        schema_version: Of this record.
        generation: Counts the changes of state; never goes back.
        opened_at: When it last opened.
        open_cause: What opened it then.
        openings: How often it opened since it was last CLOSED; doubles the cooldown.
        cooldown_until: When OPEN gives way to HALF_OPEN; set only while OPEN.
        cooldown_seconds: Length of the latest cooldown.
        hold_until: No metered call before this, whatever the state.
        hold_seconds: Length of the latest hold; doubles in OPEN with 429s in a row.
        permits: Probes under way in HALF_OPEN, each with the time it is given up.
        probe_successes: Probes of this HALF_OPEN that came back good.
        learned_factor: Share of the preset rate that was found to be bearable.
        factor_cut_at: When the factor was last lowered.
        factor_raised_at: When the factor was last raised.
        server_errors: Latest 5xx replies with no success since, newest first.
        failed_documents: Latest documents that turned FAILED, newest first.
        updated_at: When this record last changed.
    """

    state: CircuitState = CircuitState.CLOSED
    schema_version: int = 1
    generation: int = 0
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
    factor_cut_at: datetime | None = None
    factor_raised_at: datetime | None = None
    server_errors: tuple[datetime, ...] = ()
    failed_documents: tuple[datetime, ...] = ()
    updated_at: datetime | None = None


def change_state(state: BreakerState, target: CircuitState, now: datetime) -> BreakerState:
    """Change state under the next generation; what belonged to the old one is dropped.

    Raises:
        IllegalStateChange: ``STATE_CHANGES`` has no such change.
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
        updated_at=now,
    )
