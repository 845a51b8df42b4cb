"""Starts and stops Google's own Firestore emulator; usable as a context manager."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import time
from typing import IO, TYPE_CHECKING, Self

from local.firestore_emulator import emulator_runner
from local.firestore_emulator.emulator_install import MAIN_CLASS, EmulatorUnavailable, locate
from local.firestore_emulator.emulator_runner import Snapshots
from local.processes.ports import free_ports, loopback

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EmulatorUnavailable", "FirestoreEmulator"]

START_TIMEOUT = 60.0
"""Seconds. A warm start takes one or two; importing a large snapshot takes longer."""

STOP_TIMEOUT = 90.0
"""Seconds for the last export and the runner's grace period."""

_JVM_FLAGS = (
    "-XX:TieredStopAtLevel=1",  # halves the start time
    "-XX:+UseSerialGC",
    "-Xmx512m",
    "-Duser.language=en",
)


class FirestoreEmulator:
    """A Firestore emulator on 127.0.0.1, whose port stays the same when it is restarted.

    If FIRESTORE_EMULATOR_HOST is set, the emulator at that address is used: it is neither started
    nor stopped, and `data_dir` has no effect.

    Args:
        data_dir: The folder that keeps documents between runs. They are imported at the start and
            exported every ten seconds and at the end, even when this process is killed. None
            keeps nothing.
        project: The project whose "(default)" database is saved and reset.
    """

    def __init__(self, *, data_dir: Path | None = None, project: str = "demo-fss") -> None:
        self._snapshots = None if data_dir is None else Snapshots(data_dir)
        self._project = project
        self._external = os.environ.get("FIRESTORE_EMULATOR_HOST")
        self._host = self._external
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def host(self) -> str:
        """The address as "127.0.0.1:PORT", the form that FIRESTORE_EMULATOR_HOST takes."""
        if self._host is None:
            self._host = loopback(*free_ports(1))
        return self._host

    def start(self) -> None:
        """Start the emulator and return when it answers.

        Raises:
            EmulatorUnavailable: The emulator is not installed and could not be fetched, or did not
                start.
        """
        if self._external:
            if not self._answers():
                raise EmulatorUnavailable(
                    f"FIRESTORE_EMULATOR_HOST={self._external}: no emulator answers there."
                )
            return
        if self._process is not None and self._process.poll() is None:
            return
        self._close()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _close
        self._process = subprocess.Popen(
            self._command(),
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C goes to this process, which stops it
        )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                message = f"The Firestore emulator did not start.\n{self._log_tail()}"
                self._close()
                raise EmulatorUnavailable(message)
            time.sleep(0.05)

    def stop(self) -> None:
        """Export to the data directory, if any, and stop the emulator if it is running.

        Raises:
            RuntimeError: The documents could not be exported; the last snapshot is unchanged.
        """
        if self._process is None:
            return
        was_running = self._process.poll() is None
        status, log = self._close()
        if was_running and status != 0:
            raise RuntimeError(f"The Firestore emulator ended with {status}.\n{log}")

    def reset(self) -> None:
        """Delete every document of the project's "(default)" database.

        Raises:
            OSError: The emulator did not answer, or refused the request.
        """
        path = f"/emulator/v1/projects/{self._project}/databases/(default)/documents"
        status, answer = self._request("DELETE", path)
        if status != http.HTTPStatus.OK:
            raise OSError(f"reset failed with {status}: {answer}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _command(self) -> list[str]:
        installation = locate()
        port = self.host.rpartition(":")[2]
        runner = [sys.executable, "-I", emulator_runner.__file__]
        runner += ["--address", self.host, "--project", self._project]
        java = [str(installation.java), *_JVM_FLAGS, "-cp", str(installation.jar), MAIN_CLASS]
        java += ["start", "--host=127.0.0.1", f"--port={port}"]
        if self._snapshots is not None:
            runner += ["--snapshots", str(self._snapshots.directory)]
            if latest := self._snapshots.latest():
                java.append(f"--seed_from_export={latest.resolve()}")
        return [*runner, "--", *java]

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, answer = self._request("GET", "/")
            return status == http.HTTPStatus.OK and answer.strip() == "Ok"
        return False

    def _request(self, method: str, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()

    def _close(self) -> tuple[int, str]:
        """Stop runner and emulator; return the exit status and the end of the log."""
        status, tail = 0, ""
        if self._process is not None:
            if self._process.stdin is not None:
                self._process.stdin.close()
            try:
                status = self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                status = self._process.wait()
            self._process = None
        if self._log is not None:
            tail = self._log_tail()
            self._log.close()
            self._log = None
        return status, tail

    def _log_tail(self) -> str:
        if self._log is None:
            return ""
        descriptor = (
            self._log.fileno()
        )  # pread leaves the file offset alone, which the emulator shares
        end = os.fstat(descriptor).st_size
        return os.pread(descriptor, 4000, max(0, end - 4000)).decode(errors="replace")
