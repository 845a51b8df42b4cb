"""The total deadline of a call: a client's own timeout starts anew with every byte that arrives.

A server that sends a byte now and then would keep a call alive for ever. So the connections of the
clients ask ``left`` before they wait for a socket. Firestore and Cloud Tasks need none of this: the
timeout of a gRPC call is its total.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import timedelta
from typing import TypeVar

A = TypeVar("A")
T = TypeVar("T")

_end: ContextVar[float | None] = ContextVar("end", default=None)


@contextmanager
def total_deadline(within: timedelta) -> Iterator[None]:
    """End the calls of the block within this time, or sooner if a block around it ends sooner."""
    end, outer = time.monotonic() + within.total_seconds(), _end.get()
    token = _end.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _end.reset(token)


def in_this_context(call: Callable[[A], T]) -> Callable[[A], T]:
    """The call, which another thread then makes with the deadline of this one."""
    context = copy_context()
    return lambda argument: context.copy().run(call, argument)


def left(timeout: float | None) -> float | None:
    """How many seconds one wait for a socket may take, at most ``timeout``; None for ever.

    Raises:
        TimeoutError: The deadline has passed.
    """
    end = _end.get()
    if end is None:
        return timeout
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the call has taken too long")
    return seconds if timeout is None else min(timeout, seconds)
