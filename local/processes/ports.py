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
    """Return distinct free ports, chosen at random so that simultaneous runs don't collide."""
    shuffled = random.sample(CANDIDATES, len(CANDIDATES))
    found = [port for port, _ in zip(filter(is_free, shuffled), range(count), strict=False)]
    if len(found) < count:
        raise OSError(f"only {len(found)} of {count} ports are free on {HOST}")
    return found
