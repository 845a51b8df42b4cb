"""Lets tests count a twin's calls, make them fail, and run code around them."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ScriptedCalls:
    """Base class of the twins, for tests and for the simulation, which decides who runs next.

    Attributes:
        calls: How often each method was called, with failed calls.
        on_call: Called with ``"upload:enter"`` and ``"upload:exit"`` around each call of
            ``upload``, and so on. It may let other code run, and it may raise. If it raises at the
            entry, the call has no effect; at the exit, the call has its effect but the caller gets
            no reply.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.on_call: Callable[[str], None] = _nothing
        self._faults: defaultdict[str, deque[tuple[Exception, bool]]] = defaultdict(deque)

    def fail_next(self, call: str, error: Exception, *, after_effect: bool = False) -> None:
        """Let the next call of the method ``call`` raise ``error``; repeat to let several fail.

        With ``after_effect``, the call has its effect first. A call that fails by itself raises its
        own error.
        """
        self._faults[call].append((error, after_effect))

    @contextmanager
    def _call(self, name: str) -> Iterator[None]:
        self.calls[name] += 1
        self.on_call(f"{name}:enter")
        try:
            faults = self._faults[name]
            error, after_effect = faults.popleft() if faults else (None, False)
            if error is not None and not after_effect:
                raise error
            yield
            if error is not None:
                raise error
        finally:
            self.on_call(f"{name}:exit")


def _nothing(_call: str) -> None:
    """The default of ``on_call``."""
