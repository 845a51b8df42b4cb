"""Starts, watches and stops the child processes of one run."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from local.processes import orphan_cleanup
from local.processes.fork_server import Order
from local.processes.forked import Forked, ForkServer

START_TIMEOUT = 60.0
"""Seconds a child may take to become ready; even a busy small machine needs far less."""

STOP_GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""

LOG_TAIL = 4_000
"""How many bytes of a failed child's log its error message shows."""

_LOOK_AGAIN = 0.02

Process = subprocess.Popen[bytes] | Forked


class CouldNotRun(Exception):
    """A part of the local stack can't run; the message is for the user."""


class Child:
    """A process in its own process group, whose output goes to `log`.

    Ctrl-C reaches only the foreground group, so the run can stop its children in its own order.

    Args:
        name: What to call it.
        process: The process.
        output: Its standard output.
        log: The file that has its standard error already.
    """

    def __init__(self, name: str, process: Process, output: IO[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._output = output
        self._first_line: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._drain, name=f"output of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is still running."""
        return self._process.poll() is None

    def announced(self, timeout: float = START_TIMEOUT) -> dict[str, Any]:
        """Return the JSON object that the child prints as its first line when it is ready.

        Raises:
            CouldNotRun: It ended, printed something else, or took longer than `timeout` seconds.
        """
        try:
            line = self._first_line.get(timeout=timeout)
        except queue.Empty:
            raise CouldNotRun(
                self._failure_message(f"is not ready after {timeout:.0f} s")
            ) from None
        try:
            announcement = json.loads(line)
        except ValueError:
            announcement = None
        if not isinstance(announcement, dict):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)  # an empty output usually means that the child is ending
            raise CouldNotRun(self._failure_message("did not report that it is ready"))
        return announcement

    def wait_until(self, ready: Callable[[], bool], timeout: float = START_TIMEOUT) -> None:
        """Return as soon as `ready()` is true.

        Raises:
            CouldNotRun: The child ended, or took longer than `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.is_running:
                raise CouldNotRun(self._failure_message("is not ready"))
            if time.monotonic() > deadline:
                raise CouldNotRun(self._failure_message(f"is not ready after {timeout:.0f} s"))
            time.sleep(_LOOK_AGAIN)

    def check(self) -> None:
        """Raise `CouldNotRun`, with the end of the log, if the process has ended."""
        if not self.is_running:
            raise CouldNotRun(self._failure_message("has stopped"))

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Ask the process to stop, wait up to `grace` seconds, then kill its whole group."""
        if self.is_running:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        orphan_cleanup.send(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(STOP_GRACE)
        self._output.close()

    def _drain(self) -> None:
        """Hand over the first line of the output and write the rest to the log."""
        self._first_line.put(self._output.readline())
        with self.log.open("ab") as log:
            for line in self._output:
                log.write(line)
                log.flush()

    def _failure_message(self, what: str) -> str:
        status = self._process.poll()
        how = "" if status is None else f" (exit status {status})"
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL))
            tail = log.read().decode(errors="replace").strip()
        return f"{self.name} {what}{how}" + (f". The end of its log:\n{tail}" if tail else "")


class Processes:
    """All children of a run, as a context. They stop with it, even if this process is killed.

    Args:
        logs: The folder for the log files, one per child.
        imported: Modules that children need. With any, a child that is a module is forked from a
            process that has imported them.
        env: The environment variables of that process.
    """

    def __init__(
        self, logs: Path, imported: Sequence[str] = (), env: Mapping[str, str] = os.environ
    ) -> None:
        self.logs = logs
        self._children: list[Child] = []
        self._lock = threading.Lock()
        self._cleanup_process = subprocess.Popen(
            [sys.executable, "-I", "-S", orphan_cleanup.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.fork_server: ForkServer | None = None
        if imported:
            self.fork_server = ForkServer(imported, env=env, log=logs / "fork-server.log")
            self._tell("+", self.fork_server.pid)

    def start(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None
    ) -> Child:
        """Start a child. May be called from several threads.

        Raises:
            CouldNotRun: The program could not be started.
        """
        log = self.logs / f"{name}.log"
        reading, writing = os.pipe()
        try:
            with log.open("ab") as errors:
                if self.fork_server is not None and list(argv[:2]) == [sys.executable, "-m"]:
                    order = Order(name, argv[2], argv[3:], dict(env), str(cwd or Path.cwd()))
                    process: Process = self.fork_server.fork(
                        order, stdout=writing, stderr=errors.fileno()
                    )
                else:
                    process = _executed(argv, env, cwd, stdout=writing, stderr=errors.fileno())
        except OSError as error:
            os.close(reading)
            raise CouldNotRun(f"{name}: {argv[0]} could not be started: {error}") from error
        finally:
            os.close(writing)
        child = Child(name, process, os.fdopen(reading, "rb"), log)
        with self._lock:
            self._tell("+", child.pid)
            self._children.append(child)
        return child

    def check(self) -> None:
        """Raise `CouldNotRun` if any child has ended."""
        for child in self._children:
            child.check()

    def stop(self, *children: Child, grace: float = STOP_GRACE) -> None:
        """Stop the given children in parallel; without arguments, stop all of them."""
        stopping = [child for child in self._children if not children or child in children]
        threads = [threading.Thread(target=child.stop, args=(grace,)) for child in stopping]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with self._lock:
            for child in stopping:
                self._tell("-", child.pid)
                self._children.remove(child)

    def close(self) -> None:
        """Stop everything."""
        self.stop()
        if self.fork_server is not None:
            self.fork_server.close()
            self._tell("-", self.fork_server.pid)
        with contextlib.suppress(BrokenPipeError):
            self._cleanup_process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell(self, sign: str, pid: int) -> None:
        """Update the list of the clean-up process; without it, children outlive a killed run."""
        if self._cleanup_process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._cleanup_process.stdin.write(f"{sign}{pid}\n")
                self._cleanup_process.stdin.flush()


def _executed(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path | None, *, stdout: int, stderr: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    )


def answers(url: str) -> bool:
    """Whether an HTTP server answers at `url`, with any status."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
