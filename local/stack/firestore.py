"""The Firestore of a stack: the local server, Google's emulator, or one that runs already."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack

from local import packaging
from local.firestore_emulator.emulator import EmulatorUnavailable, FirestoreEmulator
from local.processes.children import CouldNotRun, Processes
from local.stack.options import FirestoreKind
from local.stack.run_folder import RunFolder
from local.terraform.firestore_indexes import firestore_indexes

EXTERNAL = "FIRESTORE_EMULATOR_HOST"
"""The environment variable that names an emulator that runs already; it is used if it is set."""

EMBEDDED_DATA = "firestore.sqlite"
EMULATOR_DATA = "firestore"


def firestore(
    kind: FirestoreKind, folder: RunFolder, project: str, processes: Processes, cleanup: ExitStack
) -> str:
    """Start it and return its address; it stops with ``cleanup`` or ``processes``.

    Raises:
        CouldNotRun: It can't be started, or the other kind keeps the documents of this state.
    """
    _refuse_data_of_the_other(kind, folder)
    if kind is FirestoreKind.EMBEDDED and EXTERNAL not in os.environ:
        return _embedded(folder, processes)
    return _emulator(folder, project, cleanup.callback)


def _embedded(folder: RunFolder, processes: Processes) -> str:
    indexes = folder.root / "firestore.indexes.json"
    indexes.write_text(json.dumps(firestore_indexes(), indent=1), encoding="utf-8")
    argv = [
        sys.executable,
        "-m",
        "local.firestore",
        "--port",
        str(folder.record.ports["firestore"]),
    ]
    argv += ["--indexes", str(indexes)]
    if state := folder.kept(EMBEDDED_DATA):
        argv += ["--state", str(state)]
    child = processes.start("firestore", argv, env=os.environ, cwd=packaging.ROOT)
    return str(child.announced()["grpc"])


def _emulator(
    folder: RunFolder, project: str, at_the_end: Callable[[Callable[[], None]], object]
) -> str:
    emulator = FirestoreEmulator(data_dir=folder.kept(EMULATOR_DATA), project=project)
    at_the_end(emulator.stop)
    try:
        emulator.start()
    except EmulatorUnavailable as error:
        raise CouldNotRun(str(error)) from error
    if EXTERNAL not in os.environ:
        folder.record.ports["firestore"] = int(emulator.host.rpartition(":")[2])
        folder.save_record()
    return emulator.host


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
