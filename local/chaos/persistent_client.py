"""Starting and following a batch while everything that could answer may be gone for a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure, is_over
from local.stack.local_stack import LocalStack

LOOK_AGAIN = 0.3
"""Seconds between looks."""


class DeadlinePassed(Exception):
    """What was waited for did not come in time."""


class Deadline:
    """A bound on all waiting of one run.

    Args:
        seconds: From now on.
        cancelled: Ends any waiting at once.
    """

    def __init__(self, seconds: float, cancelled: threading.Event | None = None) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._cancelled = cancelled or threading.Event()

    def wait(self, unless: str) -> None:
        """Wait a moment.

        Raises:
            DeadlinePassed: The time is over; the message says ``unless``.
            KeyboardInterrupt: The run was cancelled.
        """
        if time.monotonic() > self._until:
            raise DeadlinePassed(f"after {self._seconds:.0f} s {unless}")
        if self._cancelled.wait(LOOK_AGAIN):
            raise KeyboardInterrupt

    def wait_until(self, ready: Callable[[], object], unless: str) -> None:
        """Look until ``ready()``."""
        while not ready():
            self.wait(unless)


class PersistentClient:
    """A stack's deployment, as somebody sees it who doesn't give up."""

    def __init__(self, stack: LocalStack, patience: Deadline) -> None:
        self._deployment = Deployment(stack.urls.dispatcher, stack.urls.status)
        self._patience = patience

    def start(self, **request: object) -> str:
        """Start a batch; returns its id, or that of the one that is running."""
        while True:
            try:
                return str(self._deployment.start(request)["batch_id"])
            except Failure as failure:
                if failure.exit_code is Exit.REFUSED and "batch_id" in failure.details:
                    return str(failure.details["batch_id"])  # ours: its answer was lost
                if failure.exit_code is not Exit.COULD_NOT_RUN:
                    raise
            self._patience.wait("no batch could be started")

    def look(self, batch_id: str) -> dict[str, Any]:
        """Return a batch as it stands."""
        while True:
            try:
                return self._deployment.batch(batch_id)
            except Failure as failure:
                if failure.exit_code is not Exit.COULD_NOT_RUN:
                    raise
            self._patience.wait(f"nothing tells of batch {batch_id}")

    def follow(
        self, batch_id: str, at_each_look: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        """Return a batch when it is over."""
        while not is_over(batch := self.look(batch_id)):
            if at_each_look is not None:
                at_each_look()
            self._patience.wait(f"batch {batch_id} is not over: {batch['progress']}")
        return batch

    def sync(self, **request: object) -> dict[str, Any]:
        """Start a batch and return it when it is over."""
        return self.follow(self.start(**request))
