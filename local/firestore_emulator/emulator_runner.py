"""A small process that runs the Firestore emulator and saves its data when the parent ends.

It runs the given command until its standard input ends. The parent holds the other end of that
pipe, so the emulator stops both when the parent stops it and when the parent is killed, whichever
thread started it and on any Unix. Linux's parent-death signal alone is not enough: it fires when
the *thread* that started the child ends, and it leaves no time to save.

The emulator keeps its data in memory. With a snapshot directory the runner exports the data every
few seconds and once more at the end; an export is a consistent view and does not block writers. If
the runner or the emulator is itself killed, writes since the last export are lost.

This file imports only the standard library, because it is run by its path in isolated mode.
"""

from __future__ import annotations

import argparse
import ctypes
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SNAPSHOT_INTERVAL = 10.0
"""Seconds between exports; more if an export takes long."""

GRACE = 10.0
"""Seconds the emulator gets between SIGTERM and SIGKILL."""

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Exports of one emulator database: two folders, written in turn, and the name of the newer.

    They keep the documents of the "(default)" database with their types. They do not keep other
    databases, nor create and update times, which become the time of the import.
    """

    directory: Path

    def latest(self) -> Path | None:
        """Return the metadata file to import, or None if nothing has been saved yet."""
        try:
            name = self._pointer.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        return self.directory / name / f"{name}.overall_export_metadata"

    def save(self, address: str, project: str) -> None:
        """Export the database of the emulator at `address` and make it the latest.

        Raises:
            OSError: The emulator did not answer or refused; the latest snapshot is unchanged.
        """
        latest = self.latest()
        name = "b" if latest is not None and latest.parent.name == "a" else "a"
        self.directory.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.directory / name, ignore_errors=True)
        request = {
            "database": f"projects/{project}/databases/(default)",
            "export_directory": str(self.directory.resolve()),
            "export_name": name,
        }
        connection = http.client.HTTPConnection(address, timeout=60)
        try:
            connection.request(
                "POST",
                f"/emulator/v1/projects/{project}:export",
                json.dumps(request),
                {"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            answer = response.read().decode(errors="replace")
        except http.client.HTTPException as error:
            raise OSError(f"export failed: {error!r}") from error
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise OSError(f"export failed with {response.status}: {answer}")
        draft = self._pointer.with_suffix(".new")
        draft.write_text(name, encoding="ascii")
        draft.replace(self._pointer)

    @property
    def _pointer(self) -> Path:
        return self.directory / "latest"


def run_until_stdin_ends(command: Sequence[str], save: Callable[[], None] | None) -> int:
    """Run `command` until it or standard input ends; call `save` regularly and at the end.

    Returns:
        0 if standard input ended, 1 if the last save failed, otherwise the command's exit status.
    """
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=_die_with_parent(),  # noqa: PLW1509 - no other thread exists yet
    )
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    for wait in (child.wait, sys.stdin.buffer.read):
        threading.Thread(target=_then, args=(wait, over.set), daemon=True).start()

    pause = SNAPSHOT_INTERVAL
    while not over.wait(pause):
        if save is not None:
            began = time.monotonic()
            _try(save)
            pause = max(SNAPSHOT_INTERVAL, 20 * (time.monotonic() - began))
    if child.poll() is not None:
        return child.returncode
    saved = save is None or _try(save)
    child.terminate()
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    return 0 if saved else 1


def _then(wait: Callable[[], object], done: Callable[[], None]) -> None:
    wait()
    done()


def _try(save: Callable[[], None]) -> bool:
    try:
        save()
    except OSError as error:
        print(error, file=sys.stderr, flush=True)
        return False
    return True


def _die_with_parent() -> Callable[[], None] | None:
    """Return a function that makes a child die with this process; None where that is impossible."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded before the fork, which must not wait for a lock

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return arrange


def main() -> int:
    """Read the command line and run the emulator."""
    parser = argparse.ArgumentParser(description="Run the Firestore emulator until stdin ends.")
    parser.add_argument("--address", required=True)
    parser.add_argument("--project", required=True)
    parser.add_argument("--snapshots", type=Path)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    if arguments.snapshots is None:
        return run_until_stdin_ends(arguments.command, None)
    snapshots = Snapshots(arguments.snapshots)
    return run_until_stdin_ends(
        arguments.command, lambda: snapshots.save(arguments.address, arguments.project)
    )


if __name__ == "__main__":
    # Not sys.exit, which waits for standard input, and the reader thread may still hold that.
    status = main()
    sys.stderr.flush()
    os._exit(status if status >= 0 else 128 - status)
