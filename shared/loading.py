"""The start of a function's process: every module that it needs is loaded before it serves.

A function's ``main.py`` imports this module before the project's others: Python's garbage collector
then rests until ``preload`` has loaded the rest. It would look through all classes again and again,
and find nothing; that was an eighth of a start.
"""

from __future__ import annotations

import gc
from importlib import import_module

gc.disable()


def preload(*clients: str) -> None:
    """Import client modules, so that it doesn't take up the first request's time.

    The clients themselves are created later: the server forks after this, and gRPC channels don't
    survive a fork. What is loaded by now is never collected, so it is left out from now on.
    """
    for client in clients:
        import_module(client)
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
