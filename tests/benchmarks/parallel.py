"""Measurements in virtual time, on every core."""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def each(work: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> list[T]:
    """What ``work`` returns for each of the arguments, in their order; the first are begun first.

    One call alone runs in this process, so that tests can be measured and debugged.
    """
    processes = min(len(os.sched_getaffinity(0)), len(arguments))
    if processes < 2:
        return [work(*each) for each in arguments]
    with multiprocessing.Pool(processes, initializer=logging.disable) as pool:
        return pool.starmap(work, arguments, chunksize=1)
