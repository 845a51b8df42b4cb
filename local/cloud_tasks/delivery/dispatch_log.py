"""A bounded log of deliveries, for people and tests."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass

CAPACITY = 10_000
"""How many deliveries are kept; the oldest are dropped."""


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
        status: The HTTP status; None if there was no answer.
        reason: Why it failed; empty if it succeeded.
        duplicate: Whether this is a second delivery of the same attempt, made as a fault.
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
        """Add a delivery; the caller may fill in its result later."""
        self._dispatches.append(dispatch)

    def of(self, queue: str | None) -> list[dict[str, object]]:
        """Return the deliveries of a queue, given by full name or id; all deliveries for None."""
        return [
            asdict(dispatch)
            for dispatch in self._dispatches
            if queue is None or dispatch.queue == queue or dispatch.queue.endswith(f"/{queue}")
        ]
