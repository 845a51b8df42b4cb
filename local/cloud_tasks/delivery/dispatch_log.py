"""A bounded record of what was delivered, for people and tests."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass

CAPACITY = 10_000
"""Deliveries kept; the oldest make room."""


@dataclass(slots=True)
class Dispatch:
    """One delivery; times in seconds since the epoch.

    Attributes:
        task: The task's full name.
        queue: The queue's full name.
        attempt: Counted from 1.
        scheduled_at: The attempt's `schedule_time`.
        dispatched_at: When the request was sent.
        finished_at: When the answer was complete; None until then.
        status: The HTTP status; None if no answer came.
        reason: Why it failed; empty if it did not.
        duplicate: A second delivery of the same attempt, made as a fault.
    """

    task: str
    queue: str
    attempt: int
    scheduled_at: float
    dispatched_at: float
    finished_at: float | None = None
    status: int | None = None
    reason: str = ""
    duplicate: bool = False


class DispatchLog:
    """The latest deliveries, in the order they were sent."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._dispatches: deque[Dispatch] = deque(maxlen=capacity)

    def add(self, dispatch: Dispatch) -> None:
        """Keep a delivery; it may be completed later."""
        self._dispatches.append(dispatch)

    def of(self, queue: str | None) -> list[dict[str, object]]:
        """The deliveries of a queue, named in full or by its id; with None all."""
        return [
            asdict(dispatch)
            for dispatch in self._dispatches
            if queue is None or dispatch.queue == queue or dispatch.queue.endswith(f"/{queue}")
        ]
