"""Ends functions at random, without warning, and starts them again."""

from __future__ import annotations

import random
import threading
from collections import Counter
from types import TracebackType
from typing import Self

from local.stack.local_stack import LocalStack

FIRST_AFTER = 1.0
"""Seconds without a kill, so that a run begins."""

SHARES = {"upload": 6, "dispatcher": 3, "status": 1}


class FunctionKiller:
    """Kills one function at a time while the context lasts, and leaves all of them running.

    A killed function is back on its port after the second or two that it takes to start, as on
    Cloud Run. What a kill hits differs from run to run; whom it hits and when, the seed decides.

    Args:
        stack: A started one.
        every: Mean seconds from a restart to the next kill.
        seed: Of whom and when.

    Attributes:
        kills: How often each function was killed.
    """

    def __init__(self, stack: LocalStack, *, every: float, seed: int) -> None:
        self.kills: Counter[str] = Counter()
        self._stack = stack
        self._every = every
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper")
        self._failure: Exception | None = None

    def check(self) -> None:
        """Raise what ended the killing early, such as a function that did not start again."""
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
                self._reap(self._chance.choices(names, weights)[0])
                wait = self._chance.expovariate(1 / self._every)
        except Exception as error:  # noqa: BLE001 - handed to the run's own thread
            self._failure = error

    def _reap(self, name: str) -> None:
        function = self._stack.functions[name]
        function.kill()
        self.kills[name] += 1
        function.restart()
        function.wait()
