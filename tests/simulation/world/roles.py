"""The role of an actor."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shared.gateways.ports import Task


@dataclass
class Role:
    """What an actor does.

    Attributes:
        kind: "step", "look", "scan", "supervise", "start", "control" or "event".
        deadline: When its caller gives up.
        task: The task that is delivered, for deliveries.
        fence: The lease's fence when it first wrote records.
        supervisor: The name under which it supervises.
        looked_at: When it last read its file's record or the starts that are booked.
        metered: Metered requests it made.
        probe_of: The breaker's generation in which it took a probe's permit.
        calls_left: Calls that it still makes after its deadline; None before.
        instance: The instance of its function that runs it; 0 for one of its own.
        permits: Permits of the breaker that it took.
        seen: The versions of the files that the poller has read, or written since, by path.
        forbidden: Why it may begin no metered request, as it read before; empty if it may.
    """

    kind: str
    deadline: datetime
    task: Task | None = None
    fence: int | None = None
    supervisor: str = ""
    looked_at: datetime | None = None
    metered: int = 0
    probe_of: int | None = None
    calls_left: int | None = None
    instance: int = 0
    permits: frozenset[str] = frozenset()
    forbidden: str = ""
    seen: dict[str, object] = field(default_factory=dict)

    @property
    def function(self) -> str:
        """The function whose instances run such calls."""
        return "upload" if self.kind in ("step", "look") else "dispatcher"

    @property
    def path(self) -> str:
        """The path of the file, for a step."""
        return str(self.task.payload.get("path", "")) if self.task else ""
