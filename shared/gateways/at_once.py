"""Makes many calls of a remote service at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import timedelta
from typing import TypeVar

from shared.domain.errors import Unavailable

T = TypeVar("T")

MOST_AT_ONCE = 32
"""Threads, and so requests at the same time."""

NO_ANSWER = "NO_ANSWER_IN_TIME"


class Threads:
    """``AtOnce`` over threads, whose log lines have the labels of the caller's.

    A call that hangs is left behind: its client gives up sooner or later, and what it returns then
    is not used.
    """

    def __call__(self, calls: Sequence[Callable[[], T]], within: timedelta) -> list[T | Exception]:
        """What each call returns or raises, in order; ``Unavailable`` for one that is too slow."""
        if not calls:
            return []
        pool = ThreadPoolExecutor(min(MOST_AT_ONCE, len(calls)))
        try:
            futures = [pool.submit(copy_context().run, _answer, call) for call in calls]
            done, _ = wait(futures, within.total_seconds())
            return [each.result() if each in done else _too_slow() for each in futures]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _answer(call: Callable[[], T]) -> T | Exception:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - each caller judges its own
        return error


def _too_slow() -> Unavailable:
    return Unavailable("gemini.look", status=NO_ANSWER)
