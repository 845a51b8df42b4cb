"""`python -m local.processes.fork_server MODULE ...`: imports modules once, and forks processes.

A forked process has the modules, and shares their memory; one of its own would import them again.

Its standard input is a socket of whole messages. Each message to it is an `Order` as JSON, with the
descriptors of the new process's standard output and standard error. It answers ``[PID, null]``, and
``[PID, STATUS]`` when that process has ended. When the socket is closed, it ends, and what it has
forked goes on.

It has no threads, and must have none: only the thread that forks is in the new process.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

LONGEST_ORDER: Final = 256 * 1024
"""Bytes; most of an order is its environment."""


@dataclass(frozen=True, slots=True)
class Order:
    """A process to fork: ``python -m MODULE ARGUMENT ...``.

    Attributes:
        name: What ``top`` and ``ps -e`` call it; Linux keeps 15 bytes.
        environment: All its environment variables. Those that begin with PYTHON change nothing:
            the interpreter runs already.
        folder: Its working directory, which is also the first on Python's path.
    """

    name: str
    module: str
    arguments: Sequence[str]
    environment: dict[str, str]
    folder: str


def main(modules: Sequence[str]) -> None:
    """Serve until the socket is closed; in a forked process, run its module."""
    gc.disable()
    for module in modules:
        import_module(module)
    gc.freeze()  # no process looks through what is loaded, nor copies its memory to do so
    control = socket.socket(fileno=sys.stdin.fileno())
    order = _next_forked(control)
    if order is not None:
        gc.enable()
        _become(order)


def _next_forked(control: socket.socket) -> Order | None:
    """Return in each forked process with its order, and in the server with None at the end."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with suppress(BrokenPipeError):  # whoever gives the orders has ended
        while True:
            readable, _, _ = select.select([control.fileno(), woken], [], [])
            if woken in readable:
                os.read(woken, 4096)
                _tell_ended(control)
            if control.fileno() in readable:
                message, output, _, _ = socket.recv_fds(control, LONGEST_ORDER, 2)
                if not message:
                    break
                pid = os.fork()
                if pid == 0:
                    control.detach()  # its descriptor becomes that of another standard input
                    _leave_server(output, woken, wake)
                    return Order(**json.loads(message))
                with suppress(OSError):  # it did so itself, and is another program already
                    os.setpgid(pid, pid)
                for descriptor in output:
                    os.close(descriptor)
                _tell(control, pid, None)
    return None


def _tell_ended(control: socket.socket) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _tell(control, ended[0], os.waitstatus_to_exitcode(ended[1]))


def _tell(control: socket.socket, pid: int, status: int | None) -> None:
    control.send(json.dumps([pid, status]).encode())


def _leave_server(output: Sequence[int], *inherited: int) -> None:
    """Keep nothing of the server but what it has imported."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, standard in zip((nothing, *output), (0, 1, 2), strict=True):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    for descriptor in inherited:
        os.close(descriptor)


def _become(order: Order) -> None:
    with suppress(OSError):  # the name helps people only
        Path("/proc/self/comm").write_text(order.name, encoding="utf-8")
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.folder)
    sys.path[0] = str(Path.cwd())
    sys.argv[1:] = order.arguments
    runpy.run_module(order.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
