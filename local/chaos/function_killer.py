"""Kills functions at random, without warning, and restarts them."""

from __future__ import annotations

import random
import threading
from collections import Counter
from types import TracebackType
from typing import Self

from local.stack.local_stack import LocalStack

FIRST_AFTER = 1.0
"""Seconds without a kill, so that a run can begin."""

SHARES = {"upload": 6, "dispatcher": 3, "status": 1}


class FunctionKiller:
    """Kills one function at a time while the context lasts; all functions run when it ends.

    A killed function is back on its port after the second or two that it takes to start, as on
    Cloud Run. The seed decides which function is killed and when; what that function is doing at
    the time differs from run to run.

    Args:
        stack: A started stack.
        every: The mean time from a restart to the next kill, in seconds.
        seed: The seed of the random choices.

    Attributes:
        kills: How often each function was killed.
    """

    def __init__(self, stack: LocalStack, *, every: float, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self._stack = stack
        self._every = every
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="function killer")
        self._failure: Exception | None = None

    def check(self) -> None:
        """Raise the error that stopped the thread early, such as a function failing to restart."""
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()
        if kind is None:
            self.check()

    def _run(self) -> None:
        wait = FIRST_AFTER
        names, weights = list(SHARES), list(SHARES.values())
        try:
            while not self._stopped.wait(wait):
                self._kill(self._random.choices(names, weights)[0])
                wait = self._random.expovariate(1 / self._every)
        except Exception as error:  # noqa: BLE001 - raised by check, in the run's thread
            self._failure = error

    def _kill(self, name: str) -> None:
        function = self._stack.functions[name]
        function.kill()
        self.kills[name] += 1
        function.restart()
        function.wait()
