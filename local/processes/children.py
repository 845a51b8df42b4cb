"""The child processes of one run: started, watched, and stopped with it."""

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
from typing import Any, Self

from local.processes import orphan_cleanup

START_TIMEOUT = 60.0
"""Seconds a child may take until it is ready; a busy small machine needs a fraction of it."""

STOP_GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""

LOG_TAIL = 4_000
"""Bytes of a dead child's log that its error message shows."""

_LOOK_AGAIN = 0.02


class CouldNotRun(Exception):
    """A part of the local stack can't run; the message is for the person at the terminal."""


class Child:
    """One process in a group of its own. Its output goes to `log`.

    Ctrl-C reaches only the foreground group, so the run stops its children in its own order.
    """

    def __init__(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None, log: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as errors:
            try:
                self._process = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=dict(env),
                    cwd=cwd,
                    start_new_session=True,
                )
            except OSError as error:
                raise CouldNotRun(f"{name}: {argv[0]} could not be started: {error}") from error
        self._first_line: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._drain, name=f"output of {name}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id, which is also that of its group."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def announced(self, timeout: float = START_TIMEOUT) -> dict[str, Any]:
        """Return the JSON object which the child prints as its first line when it is ready.

        Raises:
            CouldNotRun: It ended, printed something else, or took longer than `timeout` seconds.
        """
        try:
            line = self._first_line.get(timeout=timeout)
        except queue.Empty:
            raise CouldNotRun(self._obituary(f"is not ready after {timeout:.0f} s")) from None
        try:
            announcement = json.loads(line)
        except ValueError:
            announcement = None
        if not isinstance(announcement, dict):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)  # an output without a line is mostly that of an early end
            raise CouldNotRun(self._obituary("did not say that it is ready"))
        return announcement

    def wait_until(self, ready: Callable[[], bool], timeout: float = START_TIMEOUT) -> None:
        """Return as soon as `ready()`.

        Raises:
            CouldNotRun: It ended before, or took longer than `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.is_running:
                raise CouldNotRun(self._obituary("is not ready"))
            if time.monotonic() > deadline:
                raise CouldNotRun(self._obituary(f"is not ready after {timeout:.0f} s"))
            time.sleep(_LOOK_AGAIN)

    def check(self) -> None:
        """Raise `CouldNotRun`, with the end of the log, if the process is no longer there."""
        if not self.is_running:
            raise CouldNotRun(self._obituary("is gone"))

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Ask the process to end, wait, and after `grace` seconds kill its whole group."""
        if self.is_running:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        orphan_cleanup.send(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(STOP_GRACE)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _drain(self) -> None:
        """Pass on the first line of the output, and keep the rest from filling the pipe."""
        output = self._process.stdout
        if output is None:
            return
        self._first_line.put(output.readline())
        with self.log.open("ab") as log:
            for line in output:
                log.write(line)
                log.flush()

    def _obituary(self, what: str) -> str:
        status = self._process.poll()
        how = "" if status is None else f": it ended with {status}"
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL))
            tail = log.read().decode(errors="replace").strip()
        return f"{self.name} {what}{how}" + (f". The end of its log:\n{tail}" if tail else "")


class Processes:
    """All children of a run, as a context. They end with it, even if this process is killed.

    Args:
        logs: A folder for one log file per child.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []
        self._lock = threading.Lock()
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", orphan_cleanup.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def start(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None
    ) -> Child:
        """Start a child. May be called from several threads.

        Raises:
            CouldNotRun: The program could not be started.
        """
        log = self._logs / f"{name}.log"
        child = Child(name, argv, env=env, cwd=cwd, log=log)
        with self._lock:
            self._tell("+", child)
            self._children.append(child)
        return child

    def check(self) -> None:
        """Raise `CouldNotRun` if any child is gone."""
        for child in self._children:
            child.check()

    def stop(self, *children: Child, grace: float = STOP_GRACE) -> None:
        """Stop the given children, all at the same time; without any, all that are left."""
        stopping = [child for child in self._children if not children or child in children]
        threads = [threading.Thread(target=child.stop, args=(grace,)) for child in stopping]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with self._lock:
            for child in stopping:
                self._tell("-", child)
                self._children.remove(child)

    def close(self) -> None:
        """Stop everything."""
        self.stop()
        with contextlib.suppress(BrokenPipeError):
            self._guardian.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell(self, sign: str, child: Child) -> None:
        """Keep the guardian's list; without a guardian, children merely outlive a killed run."""
        if self._guardian.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._guardian.stdin.write(f"{sign}{child.pid}\n")
                self._guardian.stdin.flush()


def answers(url: str) -> bool:
    """Whether an HTTP server answers at `url`, whatever the status."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
