"""Calls of a twin that can be counted, made to fail, and interleaved."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class ScriptedCalls:
    """What the twins share, for tests and for a simulator that decides who runs next.

    Attributes:
        calls: How often each method was called, failed calls included.
        on_call: Called with ``"upload:enter"`` and ``"upload:exit"`` around each call of
            ``upload``, and so on. It may hand control to somebody else, and it may raise: at
            the entry nothing has happened yet, at the exit it has, and nobody heard of it.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.on_call: Callable[[str], None] = _nothing
        self._faults: defaultdict[str, deque[tuple[Exception, bool]]] = defaultdict(deque)

    def fail_next(self, call: str, error: Exception, *, after_effect: bool = False) -> None:
        """Let the next ``call`` not yet spoken for raise ``error``.

        With ``after_effect`` it does its work first (a call that fails by itself keeps its
        own error).
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
    """Let the call pass."""
