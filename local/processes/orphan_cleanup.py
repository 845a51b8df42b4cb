"""Stops the child processes of a run whose own process has ended or been killed.

The run starts this file by its path and writes one line to its standard input for each child:
``+PID`` when the child has started, ``-PID`` when it has ended. When standard input ends, because
the run ended or was killed, every remaining child is asked to stop and, if it does not, killed.

Linux's parent-death signal would not work: it fires when the *thread* that started the child ends,
and several threads start the parts of a stack. A closed pipe works on any Unix, for any child.

This file imports only the standard library, because it runs in isolated mode and must start fast.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""


def remaining(lines: list[str]) -> list[int]:
    """Return the process ids that were added and not removed, in the order they started."""
    listed: dict[int, None] = {}
    for line in lines:
        sign, pid = line[0], int(line[1:])
        if sign == "+":
            listed[pid] = None
        else:
            listed.pop(pid, None)
    return list(listed)


def send(group: int, number: int) -> bool:
    """Send a signal to a child's process group; False if it is gone. Signal 0 only asks."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def main() -> None:
    """Wait for the end of standard input, then stop the children that remain."""
    left = remaining(list(sys.stdin))
    for pid in left:
        send(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(send(pid, 0) for pid in left):
        time.sleep(0.02)
    for pid in left:
        send(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
