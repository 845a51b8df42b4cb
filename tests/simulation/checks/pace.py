"""Checks of the rate: metered requests, the breaker and its permits, holds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.domain.batch.batch import BatchStatus
from shared.domain.throttle import breaker_state, spacing
from shared.domain.throttle.breaker_state import BreakerState, CircuitState
from shared.gateways.database.codec import from_fields
from shared.gateways.database.records import (
    BREAKER,
    batch_path,
    bookings_path,
    file_path,
)
from shared.gateways.ports import QueueName
from tests.simulation.checks.violation import require
from tests.simulation.faults.faulty_ports import Call

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation
    from tests.simulation.world.roles import Role

MINUTE = timedelta(seconds=60)

BOOKINGS = bookings_path(0).rstrip("0")

Fields = Mapping[str, Any]


class PaceChecks:
    """Checks what one simulation's calls mean for the service's rate."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._slots: dict[str, datetime] = {}
        self._slots_of_batch: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
        self._starts: list[datetime] = []
        self._probes: Counter[int] = Counter()

    def metered(self, role: Role | None, call: Call) -> None:
        """Check a metered request that is about to be made."""
        name = "metered_within_allowance"
        if role is None:
            return
        require(not role.forbidden, "nothing_begins_while_held", call, role.forbidden)
        role.metered += 1
        require(role.metered == 1, name, "a second request of one delivery:", call)
        task = role.task
        require(task is not None and task.queue is QueueName.UPLOADS, name, role, "made", call.name)
        record = self._fields(file_path(role.path))
        planned = record and record["schedule"]["task"]
        slot = planned["at"] if planned else None
        self._started(role, call)
        now = self._simulation.stage.now()
        is_frozen = now > role.deadline  # its slot was earlier
        require(
            slot is None or is_frozen or now >= slot,
            name,
            f"{call.name} at {now}, before its slot {slot}",
        )

    def looks(self, call: Call) -> None:
        """A delivery decides whether it may start from what it reads here."""
        role, read = self._simulation.role(), call.arguments[0]
        if role is None or role.kind != "step":
            return
        paths = [read] if isinstance(read, str) else read
        if any(path.startswith((file_path(role.path), BOOKINGS)) for path in paths):
            role.looked_at = self._simulation.stage.now()
        if BREAKER in paths and file_path(role.path) in paths:
            role.forbidden = self._forbidden(role)

    def _forbidden(self, role: Role) -> str:
        """Why a delivery that decides now may begin no metered request; empty if it may."""
        assert role.task is not None
        hold = (self._fields(BREAKER) or {}).get("hold")
        if hold and self._simulation.stage.now() < hold["hold_until"]:
            return f"held until {hold['hold_until']}"
        batch = self._fields(batch_path(str(role.task.payload["batch"])))
        running = batch and batch["status"] == BatchStatus.RUNNING.value
        return "" if running else f"batch {role.task.payload['batch']} isn't running"

    def _started(self, role: Role, call: Call) -> None:
        """In no minute do more deliveries start than the tier allows requests."""
        if role.looked_at is None:
            return
        insort(self._starts, role.looked_at)
        starts, at = self._starts, role.looked_at
        ends = starts[bisect_left(starts, at) : bisect_left(starts, at + MINUTE)]
        most = max(bisect_right(starts, end) - bisect_right(starts, end - MINUTE) for end in ends)
        require(
            most <= self._simulation.rules.settings.tier.rpm,
            "metered_within_allowance",
            f"{most} starts in a minute, the last for {call}:",
            *starts[bisect_right(starts, at - MINUTE) : bisect_right(starts, at + MINUTE)],
        )

    def planned(self, call: Call) -> None:
        """The assigned slots never exceed the tier's rate."""
        task = call.arguments[0]
        role = self._simulation.role()
        if task.queue is not QueueName.UPLOADS or role is None or role.kind != "supervise":
            return
        at = task.at or self._simulation.stage.now()
        batch = str(task.payload["batch"])
        least = spacing.spacing(self._simulation.rules.settings.tier.rpm, 1.0) - timedelta(
            milliseconds=1
        )
        slots = self._slots_of_batch[batch]
        if task.id in self._slots:
            slots.remove((self._slots[task.id], task.id))
        self._slots[task.id] = at
        place = bisect_left(slots, (at, task.id))
        near = [each for each in slots[max(place - 1, 0) : place + 1] if abs(each[0] - at) < least]
        slots.insert(place, (at, task.id))
        require(not near, "metered_within_allowance", task, "is too near to", near)

    def succeeded(self) -> None:
        """Count a probe whose permit is of the generation in which it succeeded."""
        role = self._simulation.role()
        state = self._fields(BREAKER)
        if role is not None and state is not None and role.probe_of == state["generation"]:
            self._probes[int(state["generation"])] += 1

    def breaker_changes(self, before: Fields | None, after: Fields) -> None:
        name = "legal_breaker_transitions"
        old = from_fields(BreakerState, before) if before else BreakerState()
        new = from_fields(BreakerState, after)
        role = self._simulation.role()
        if role is not None and (taken := new.permits.keys() - old.permits.keys()):
            role.probe_of = new.generation
            role.permits |= taken
        good = self._probes[new.generation]
        require(new.probe_successes <= good, name, f"{new.probe_successes} probes, {good} good")
        if new.state is old.state:
            require(new.generation == old.generation, name, "generation moved:", old, new)
            require(
                new.cooldown_until == old.cooldown_until,
                name,
                "the cooldown was moved:",
                old.cooldown_until,
                new.cooldown_until,
            )
            return
        require(new.state in breaker_state.STATE_CHANGES[old.state], name, old, new)
        require(new.generation == old.generation + 1, name, old.generation, new.generation)
        if new.state is CircuitState.CLOSED:
            needed = self._simulation.rules.breaker.half_open_probes
            good = self._probes[old.generation]
            require(good >= needed, name, f"closed after {good} good probes of {needed}")

    def ended(self, role: Role) -> None:
        """Check what a call leaves behind that came to its end."""
        kept = self._fields(BREAKER)
        left = role.permits & (kept or {"permits": {}})["permits"].keys()
        require(not left, "permits_are_returned", role, left)

    def _fields(self, path: str) -> Fields | None:
        stored = self._simulation.documents._find(path)
        return stored.fields if stored else None
