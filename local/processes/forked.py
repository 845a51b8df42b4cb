"""Starts the fork server, and processes by it."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from local.processes import fork_server
from local.processes.fork_server import Order

ROOT: Final = Path(__file__).parents[2]

UNKNOWN: Final = 255
"""The status of a process whose fork server has ended, and with it who would know."""


class ForkServerEnded(OSError):
    """The fork server has ended, and can fork no more."""


class Forked:
    """A process that the fork server has forked, with what of `subprocess.Popen` a child needs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None  # until it has ended
        self._ended = threading.Event()

    def poll(self) -> int | None:
        """Its exit status, or the negative number of the signal that ended it; None if it runs."""
        return self._status

    def terminate(self) -> None:
        """Ask it to end."""
        if self._status is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its status.

        Raises:
            subprocess.TimeoutExpired: It still runs after ``timeout`` seconds.
        """
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return UNKNOWN if self._status is None else self._status

    def end(self, status: int) -> None:
        """Keep the status with which it ended."""
        self._status = status
        self._ended.set()


class ForkServer:
    """A running fork server.

    Args:
        modules: The modules that its processes have.
        env: Its environment variables; what modules read when they are imported, they read of it.
        log: The file for what it says, which is only why it can't run.
    """

    def __init__(self, modules: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", fork_server.__name__, *modules],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=dict(env),
                cwd=ROOT,
                start_new_session=True,
            )
        self._log = log
        self._running: dict[int, Forked] = {}
        self._forked: queue.SimpleQueue[Forked | None] = queue.SimpleQueue()
        self._orders = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="fork server", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its process group."""
        return self._process.pid

    def fork(self, order: Order, *, stdout: int, stderr: int) -> Forked:
        """Start a process, with these descriptors for its output.

        Raises:
            OSError: The fork server has ended, or the order is too long.
        """
        message = json.dumps(asdict(order)).encode()
        with self._orders:
            try:
                socket.send_fds(self._control, [message], [stdout, stderr])
            except (BrokenPipeError, ConnectionResetError):
                raise self._ended() from None
            forked = self._forked.get()
        if forked is None:
            self._forked.put(None)  # for whoever asks next
            raise self._ended()
        return forked

    def close(self) -> None:
        """End the server, but not what it has forked."""
        with suppress(OSError):  # it has ended
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._reader.join()
        self._control.close()

    def _ended(self) -> ForkServerEnded:
        why = self._log.read_text(errors="replace").strip()
        return ForkServerEnded(f"the fork server has ended. {why}".strip())

    def _read(self) -> None:
        """Note which processes have begun and ended, until the server ends."""
        with suppress(OSError):
            while answer := self._control.recv(fork_server.LONGEST_ORDER):
                pid, status = json.loads(answer)
                if status is None:
                    self._running[pid] = Forked(pid)
                    self._forked.put(self._running[pid])
                else:
                    self._running.pop(pid).end(status)
        self._forked.put(None)
        for forked in self._running.values():
            forked.end(UNKNOWN)
