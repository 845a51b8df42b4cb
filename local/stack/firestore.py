"""The Firestore of a stack: the local server, Google's emulator, or one that runs already."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from local import packaging
from local.firestore_emulator.emulator import EmulatorUnavailable, FirestoreEmulator
from local.processes import orphan_cleanup
from local.processes.children import CouldNotRun, Processes
from local.stack.options import FirestoreKind
from local.stack.run_folder import RunFolder
from local.terraform.firestore_indexes import firestore_indexes

EXTERNAL = "FIRESTORE_EMULATOR_HOST"
"""The environment variable that names an emulator that runs already; it is used if it is set."""

EMBEDDED_DATA = "firestore.sqlite"
EMULATOR_DATA = "firestore"


class LocalFirestore:
    """The server of this repository, with the indexes of Terraform.

    Attributes:
        address: Its ``host:port``, which stays the same.
        admin: The base URL of its admin server, which changes when it is restarted.
    """

    def __init__(self, folder: RunFolder, processes: Processes) -> None:
        indexes = folder.root / "firestore.indexes.json"
        indexes.write_text(json.dumps(firestore_indexes(), indent=1), encoding="utf-8")
        argv = [sys.executable, "-m", "local.firestore", "--indexes", str(indexes)]
        argv += ["--port", str(folder.record.ports["firestore"])]
        if state := folder.kept(EMBEDDED_DATA):
            argv += ["--state", str(state)]
        self._processes = processes
        self._serve = partial(
            processes.start, "firestore", argv, env=os.environ, cwd=packaging.ROOT
        )
        self._child = self._serve()
        ready = self._child.announced()
        self.address = str(ready["grpc"])
        self.admin = str(ready["admin"])

    def kill(self) -> None:
        """Kill the server without warning, as a crash would."""
        orphan_cleanup.send(self._child.pid, signal.SIGKILL)
        self._processes.stop(self._child)

    def restart(self) -> None:
        """Start the server again after ``kill``, and return when it answers."""
        self._child = self._serve()
        self.admin = str(self._child.announced()["admin"])


def firestore(
    kind: FirestoreKind, folder: RunFolder, project: str, processes: Processes, cleanup: ExitStack
) -> LocalFirestore | FirestoreEmulator:
    """Start it; it stops with ``processes`` or ``cleanup``.

    Raises:
        CouldNotRun: It can't be started, or the other kind keeps the documents of this state.
    """
    _refuse_data_of_the_other(kind, folder)
    if kind is FirestoreKind.EMBEDDED and EXTERNAL not in os.environ:
        return LocalFirestore(folder, processes)
    return _emulator(folder, project, cleanup.callback)


def address(running: LocalFirestore | FirestoreEmulator) -> str:
    """The ``host:port`` of either kind."""
    return running.address if isinstance(running, LocalFirestore) else running.host


def _emulator(
    folder: RunFolder, project: str, at_the_end: Callable[[Callable[[], None]], object]
) -> FirestoreEmulator:
    emulator = FirestoreEmulator(data_dir=folder.kept(EMULATOR_DATA), project=project)
    at_the_end(emulator.stop)
    try:
        emulator.start()
    except EmulatorUnavailable as error:
        raise CouldNotRun(str(error)) from error
    if EXTERNAL not in os.environ:
        folder.record.ports["firestore"] = int(emulator.host.rpartition(":")[2])
        folder.save_record()
    return emulator


def _refuse_data_of_the_other(kind: FirestoreKind, folder: RunFolder) -> None:
    """Without its documents, a state would be taken for one whose records were lost."""
    own, other = {
        FirestoreKind.EMBEDDED: (EMBEDDED_DATA, EMULATOR_DATA),
        FirestoreKind.EMULATOR: (EMULATOR_DATA, EMBEDDED_DATA),
    }[kind]
    if not (folder.root / own).exists() and (folder.root / other).exists():
        chosen = next(each for each in FirestoreKind if each is not kind)
        raise CouldNotRun(
            f"{folder.root} has its documents in {other}: add --firestore {chosen.value}"
        )
