"""Ends the processes of a run whose own process is gone, however that one ended.

The run starts this file by its path and writes one line to its standard input for each child:
``+PID`` when it was started, ``-PID`` when it has been waited for. When that input ends, because
the run ended or was killed, every child still listed is asked to stop and, if it does not, killed.

Why not Linux's parent-death signal: it fires when the *thread* that started the child ends, and
the parts of a stack are started by several. A closed pipe works on any Unix, for any child.

Only the standard library is imported: the file runs in isolated mode, within milliseconds.
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
    """Return the process ids that are listed and not struck off, in the order of their start."""
    listed: dict[int, None] = {}
    for line in lines:
        sign, pid = line[0], int(line[1:])
        if sign == "+":
            listed[pid] = None
        else:
            listed.pop(pid, None)
    return list(listed)


def send(group: int, number: int) -> bool:
    """Send a signal (0 only asks) to a child's process group; False if nothing is left of it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


def main() -> None:
    """Wait for the end of standard input, then end what is still listed."""
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
