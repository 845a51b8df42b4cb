"""An event loop of asyncio on a virtual clock: programs run as they are, and nothing waits."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Jump(selectors.SelectSelector):
    """Instead of waiting for so long, says that the time has passed."""

    def __init__(self, passes: Callable[[float], None]) -> None:
        super().__init__()
        self._passes = passes

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing ever becomes ready here.

        Raises:
            RuntimeError: Every task waits for something that can't happen.
        """
        if timeout is None:
            raise RuntimeError("every task waits, and none for a time")
        self._passes(max(timeout, 0.0))
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0."""

    def __init__(self) -> None:
        self._virtual = 0.0
        super().__init__(_Jump(self._pass))

    def time(self) -> float:
        return self._virtual

    def _pass(self, seconds: float) -> None:
        self._virtual += seconds


def play(program: Coroutine[Any, Any, None], seconds: float) -> None:
    """Run a program for so many virtual seconds; what has not ended then is cancelled."""

    async def bounded() -> None:
        task = asyncio.ensure_future(program)
        await asyncio.wait([task], timeout=seconds)
        if task.done():
            task.result()
        others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(bounded())
