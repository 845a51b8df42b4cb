"""Faults that can be injected; by default there are none."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from local.grpc_server.fault_values import FaultValues


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults(FaultValues):
    """Which faults affect which fraction of the tasks.

    The seed and the task's name decide whether a task is affected, so a run can be repeated.

    Attributes:
        duplicate_fraction: The fraction of attempts that are delivered twice.
        duplicate_delay: Seconds between the two deliveries; 0 sends both at once.
        delay_fraction: The fraction of attempts that become due late.
        delay: Seconds by which they are late.
        lose_fraction: The fraction of tasks that are deleted, undelivered, when they are due.
    """

    duplicate_fraction: float = 0.0
    duplicate_delay: float = 0.0
    delay_fraction: float = 0.0
    delay: float = 0.0
    lose_fraction: float = 0.0

    def duplicates(self, task: str, attempt: int) -> bool:
        """Whether this attempt (counted from 1) is delivered twice."""
        return self._draw("duplicate", task, attempt) < self.duplicate_fraction

    def lateness(self, task: str, attempt: int) -> float:
        """Return by how many seconds this attempt (counted from 1) is late."""
        return self.delay if self._draw("delay", task, attempt) < self.delay_fraction else 0.0

    def loses(self, task: str) -> bool:
        """Whether this task is lost."""
        return self._draw("lose", task, 1) < self.lose_fraction

    def _draw(self, kind: str, task: str, attempt: int) -> float:
        digest = sha256(f"{self.seed}/{kind}/{task}/{attempt}".encode()).digest()
        return int.from_bytes(digest[:8]) / 2**64


class FaultSwitch:
    """The faults in force, which may change while the server runs."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
