"""Who is on stage, and what for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.gateways.ports import Task


@dataclass
class Role:
    """What an actor is on stage for.

    Attributes:
        kind: "step", "scan", "supervise", "start" or "control".
        deadline: When its caller gives up.
        task: What is delivered, for deliveries.
        fence: Of the lease under which it began to write plans.
        supervisor: Under which name it supervises.
        metered: Metered requests it made.
        probe_of: Generation of the breaker whose permit for a probe it took.
        calls_left: Calls it still makes past its deadline; None before that.
    """

    kind: str
    deadline: datetime
    task: Task | None = None
    fence: int | None = None
    supervisor: str = ""
    metered: int = 0
    probe_of: int | None = None
    calls_left: int | None = None

    @property
    def path(self) -> str:
        """The file a step is about."""
        return str(self.task.payload.get("path", "")) if self.task else ""
