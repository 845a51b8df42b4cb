"""Loopback ports that a later run can use again."""

from __future__ import annotations

import random
import socket
import time

HOST = "127.0.0.1"

CANDIDATES = range(20_000, 32_000)
"""Below the ephemeral ports (Linux: from 32768, others: from 49152), so that no outgoing connection
takes one of these between two runs, or between choosing and using it."""

_LOOK_AGAIN = 0.05


def loopback(port: int) -> str:
    """Return the address ``127.0.0.1:PORT``."""
    return f"{HOST}:{port}"


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do, so that old connections in TIME_WAIT don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def becomes_free(port: int, within: float) -> bool:
    """Wait at most `within` seconds for the port to become free; return whether it is."""
    deadline = time.monotonic() + within
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN)
    return True


def free_ports(count: int) -> list[int]:
    """Return different free ports, which nobody else who asks here is given meanwhile."""
    found: list[int] = []
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        if len(found) == count:
            break
        if is_free(port) and _take(port):
            found.append(port)
    if len(found) < count:
        raise OSError(f"only {len(found)} of {count} ports are free on {HOST}")
    return found


def _take(port: int) -> bool:
    """Hold the port of the same number for UDP, which no server here uses: others pass it by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as place:
        try:
            place.bind((HOST, port))
        except OSError:
            return False
        place.detach()  # open as long as this process runs
    return True
