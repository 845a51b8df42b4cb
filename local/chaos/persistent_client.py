"""Starts and follows a batch, and retries whenever a function does not answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure, is_over
from local.stack.local_stack import LocalStack

LOOK_AGAIN = 0.3
"""Seconds between two requests."""


class DeadlinePassed(Exception):
    """Something did not happen before the deadline."""


class Deadline:
    """The time limit for all waiting in one run.

    Args:
        seconds: The limit, from now.
        cancelled: Ends any waiting immediately when set.
    """

    def __init__(self, seconds: float, cancelled: threading.Event | None = None) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._cancelled = cancelled or threading.Event()

    def wait(self, problem: str) -> None:
        """Wait a moment.

        Raises:
            DeadlinePassed: The deadline has passed; the message includes ``problem``.
            KeyboardInterrupt: The run was cancelled.
        """
        if time.monotonic() > self._until:
            raise DeadlinePassed(f"after {self._seconds:.0f} s {problem}")
        if self._cancelled.wait(LOOK_AGAIN):
            raise KeyboardInterrupt

    def wait_until(self, ready: Callable[[], object], problem: str) -> None:
        """Wait until ``ready()`` is true, or raise as `wait` does."""
        while not ready():
            self.wait(problem)


class PersistentClient:
    """A client of a stack's deployment that retries until the deadline."""

    def __init__(self, stack: LocalStack, deadline: Deadline) -> None:
        self._deployment = Deployment(stack.urls.dispatcher, stack.urls.status)
        self._deadline = deadline

    def start(self, **request: object) -> str:
        """Start a batch; return its id, or that of the running batch."""
        while True:
            try:
                return str(self._deployment.start(request)["batch_id"])
            except Failure as failure:
                if failure.exit_code is Exit.REFUSED and "batch_id" in failure.details:
                    return str(failure.details["batch_id"])  # this client's own: the reply was lost
                if failure.exit_code is not Exit.COULD_NOT_RUN:
                    raise
            self._deadline.wait("no batch could be started")

    def look(self, batch_id: str) -> dict[str, Any]:
        """Return the current state of a batch."""
        while True:
            try:
                return self._deployment.batch(batch_id)
            except Failure as failure:
                if failure.exit_code is not Exit.COULD_NOT_RUN:
                    raise
            self._deadline.wait(f"batch {batch_id} could not be read")

    def follow(
        self, batch_id: str, at_each_look: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        """Wait until a batch is over, and return it."""
        while not is_over(batch := self.look(batch_id)):
            if at_each_look is not None:
                at_each_look()
            self._deadline.wait(f"batch {batch_id} is not over: {batch['progress']}")
        return batch

    def sync(self, **request: object) -> dict[str, Any]:
        """Start a batch, wait until it is over, and return it."""
        return self.follow(self.start(**request))
