from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore

from local.firestore_emulator.emulator import EmulatorUnavailable, FirestoreEmulator
from local.firestore_emulator.emulator_install import MAIN_CLASS
from local.firestore_emulator.emulator_runner import Snapshots
from tests.emulator import needs_emulator
from tests.patience import PATIENCE

__all__ = ["needs_emulator"]

pytestmark = pytest.mark.usefixtures("needs_emulator")

if TYPE_CHECKING:
    from pathlib import Path

EVERY_TYPE = {
    "bytes": b"\x00\xff",
    "float": 2.0,
    "infinity": float("inf"),
    "int": 2**53 + 1,
    "list": [1, {"nested": True}],
    "none": None,
    "text": "Zürich \N{SNOWMAN}",
    "time": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
}


def client(emulator: FirestoreEmulator, monkeypatch: pytest.MonkeyPatch) -> firestore.Client:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.host)
    made = firestore.Client("demo-fss", AnonymousCredentials())
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST")
    return made


def put(path: str, document: dict[str, Any], database: firestore.Client) -> None:
    database.document(path).set(document)


def is_open(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def await_end(address: str) -> None:
    """Wait until nobody serves `address`: every connection stays open until its server ends it."""
    host, _, port = address.rpartition(":")
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
                connection.recv(1)
        except ConnectionResetError:
            continue
        except ConnectionRefusedError:
            return


def test_documents_and_their_types_outlive_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = FirestoreEmulator(data_dir=tmp_path)
    for run in range(3):  # the third start reads the second of the two snapshots
        with emulator:
            database = client(emulator, monkeypatch)
            for earlier in range(run):
                kept = database.document(f"files/{earlier}/parts/deep").get()
                assert kept.to_dict() == EVERY_TYPE
            put(f"files/{run}/parts/deep", EVERY_TYPE, database)
            database.close()
        assert not is_open(emulator.host)


def test_reset_clears_every_document_and_nothing_is_kept_without_a_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FirestoreEmulator() as emulator:
        database = client(emulator, monkeypatch)
        put("files/1/parts/2", EVERY_TYPE, database)
        emulator.reset()
        assert not database.document("files/1/parts/2").get().exists
        database.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_the_end_of_the_parent_ends_the_emulator_and_loses_nothing(
    how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import pathlib, sys\n"
        "from local.firestore_emulator.emulator import FirestoreEmulator\n"
        "with FirestoreEmulator(data_dir=pathlib.Path(sys.argv[1])) as emulator:\n"
        "    print(emulator.host, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with parent:
        assert parent.stdout is not None
        host = parent.stdout.readline().strip()
        with monkeypatch.context() as environment:
            environment.setenv("FIRESTORE_EMULATOR_HOST", host)
            running = FirestoreEmulator()
        database = client(running, monkeypatch)
        put("files/1", EVERY_TYPE, database)
        database.close()
        os.killpg(parent.pid, how)
        await_end(host)
    with FirestoreEmulator(data_dir=tmp_path) as emulator:
        database = client(emulator, monkeypatch)
        assert database.document("files/1").get().to_dict() == EVERY_TYPE
        database.close()


if sys.platform == "linux":

    def test_killing_the_runner_ends_the_emulator_too() -> None:
        emulator = FirestoreEmulator()
        emulator.start()
        assert emulator._process is not None
        emulator._process.kill()
        await_end(emulator.host)
        emulator.stop()


def test_a_snapshot_that_cannot_be_written_is_reported_by_stop(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    emulator = FirestoreEmulator(data_dir=data_dir)
    emulator.start()
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.write_text("in the way")
    with pytest.raises(RuntimeError, match="data"):
        emulator.stop()
    assert not is_open(emulator.host)


def test_a_failed_export_leaves_the_latest_snapshot_alone(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    with FirestoreEmulator() as emulator:
        snapshots.save(emulator.host, "demo-fss")
        before = snapshots.latest()
        with pytest.raises(OSError, match="export failed"):
            snapshots.save(emulator.host, "no such project")
    assert before is not None
    assert before.is_file()
    assert snapshots.latest() == before
    with pytest.raises(ConnectionRefusedError):
        snapshots.save(emulator.host, "demo-fss")
    assert snapshots.latest() == before


def test_an_emulator_that_does_not_start_says_what_it_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = tmp_path / "emulator.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr(MAIN_CLASS.replace(".", "/") + ".class", b"\xca\xfe\xba\xbe\0\0\0\x37")
    monkeypatch.setenv("FIRESTORE_EMULATOR_JAR", str(jar))
    with pytest.raises(EmulatorUnavailable, match=r"did not start\.\n.*Error"):
        FirestoreEmulator().start()


def test_an_emulator_named_by_the_environment_is_neither_started_nor_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FirestoreEmulator() as emulator:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.host)
        with FirestoreEmulator() as external:
            assert external.host == emulator.host
        assert is_open(emulator.host)
    with pytest.raises(EmulatorUnavailable, match="no emulator answers"):
        FirestoreEmulator().start()
