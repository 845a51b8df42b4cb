"""The server as a process: starting, stopping, being killed, going on."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import firestore

from local.firestore.__main__ import EXIT_COULD_NOT_START, main
from tests.contract.servers import http_json, local_server
from tests.local.firestore.harness import INDEXES, ROOT, client_of, process


def test_a_killed_server_goes_on_with_every_acknowledged_write(tmp_path: Path) -> None:
    state = tmp_path / "state"
    versions: list[Any] = []
    for n in range(3):
        with process("--state", state) as (server, client):
            assert [each.id for each in client.collection("files").stream()] == [
                str(number) for number in range(len(versions))
            ]
            versions += [client.document(f"files/{n}").set({"n": n}).update_time]
            server.send_signal(signal.SIGKILL)
    assert versions == sorted(set(versions))


def test_versions_grow_although_the_clock_goes_back(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with process("--state", state) as (server, client):
        client.document("files/a").set({"n": 0})
        server.terminate()
    later = 4_000_000_000_000_000
    with sqlite3.connect(state) as db:  # as if the clock had been ahead
        db.execute("UPDATE state SET latest = ?", (later,))
    db.close()
    with process("--state", state) as (_, client):
        first: Any = client.document("files/a").set({"n": 1}).update_time
        second: Any = client.document("files/a").set({"n": 2}).update_time
        assert later / 1e6 < first.timestamp() <= second.timestamp()
        assert first.nanosecond < second.nanosecond
        assert client.document("files/a").get().read_time >= second


def test_a_second_server_on_a_state_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    with process("--state", state):
        assert main(["--state", str(state)]) == EXIT_COULD_NOT_START
    assert capsys.readouterr().err == f"firestore: {state}: in use by another server\n"


def test_a_state_of_another_version_or_of_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    db = sqlite3.connect(state)
    db.execute("PRAGMA user_version=99")
    db.close()
    assert main(["--state", str(state)]) == EXIT_COULD_NOT_START
    assert "written as version 99" in capsys.readouterr().err
    (tmp_path / "other").write_text("no database" * 100)
    assert main(["--state", str(tmp_path / "other")]) == EXIT_COULD_NOT_START
    assert "not a database" in capsys.readouterr().err


def test_a_port_in_use_and_wrong_options_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with local_server("local.firestore") as ready:
        port = ready["grpc"].rpartition(":")[2]
        assert main(["--port", port]) == EXIT_COULD_NOT_START
    assert f"port {port} on 127.0.0.1 is in use" in capsys.readouterr().err
    for options in (["--faults", '{"none": 1}'], ["--indexes", "/no/such/file"]):
        with pytest.raises(SystemExit, match="2"):
            main(options)


def test_a_stopped_server_ends_with_0(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local.firestore", "--state", str(tmp_path / "state")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert set(json.loads(server.stdout.readline())) == {"grpc", "admin"}
        server.send_signal(signal.SIGTERM)
    assert server.returncode == 0


def test_indexes_that_change_are_filled_anew(tmp_path: Path) -> None:
    state, file = tmp_path / "state", tmp_path / "indexes.json"
    with process("--state", state) as (_, client):
        for n in range(5):
            client.document(f"files/{n}").set({"status": "new", "n": n})
    file.write_text(json.dumps(INDEXES))
    with process("--state", state, "--indexes", file) as (_, client):
        files = client.collection("files")
        found = files.where(filter=firestore.FieldFilter("status", "==", "new")).order_by(
            "n", direction=firestore.Query.DESCENDING
        )
        assert [each.id for each in found.stream()] == ["4", "3", "2", "1", "0"]
        with pytest.raises(exceptions.FailedPrecondition, match="n ASCENDING"):
            files.order_by("n").get()


def test_a_full_disk_refuses_a_commit_and_loses_nothing(tmp_path: Path) -> None:
    command = (
        f"ulimit -f 200; exec {sys.executable} -m local.firestore --state {tmp_path / 'state'}"
    )
    with subprocess.Popen(
        ["bash", "-c", command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        client = client_of(json.loads(server.stdout.readline())["grpc"])
        kept = 0
        while kept < 100:
            try:
                client.document(f"files/{kept:03}").create({"text": "x" * 10_000}, retry=None)
            except exceptions.ResourceExhausted as error:
                assert "can't be written" in str(error)  # noqa: PT017 - of one of many calls
                break
            kept += 1
        assert 0 < kept < 100
        assert len(list(client.collection("files").stream())) == kept
        client.close()
        server.kill()


def test_faults_are_set_and_counted_by_the_admin_server() -> None:
    with local_server("local.firestore") as ready:
        admin = ready["admin"]
        client = client_of(ready["grpc"])
        a = client.document("files/a")
        http_json(f"{admin}/faults", {"lost_fraction": 1})
        with pytest.raises(exceptions.DeadlineExceeded):
            a.create({"n": 1}, retry=None)
        http_json(f"{admin}/faults", {"lost_fraction": 0})
        assert a.get().to_dict() == {"n": 1}, "it had its effect"
        http_json(f"{admin}/faults", {"aborted_fraction": 1})
        with pytest.raises(exceptions.Aborted):
            a.set({"n": 2}, retry=None)
        assert a.get().to_dict() == {"n": 1}
        http_json(f"{admin}/faults", {"aborted_fraction": 0, "unavailable_fraction": 1})
        with pytest.raises(exceptions.ServiceUnavailable):
            a.get(retry=None)
        shown = http_json(f"{admin}/faults", {"unavailable_fraction": 0})
        assert shown == {
            "unavailable_fraction": 0,
            "aborted_fraction": 0,
            "lost_fraction": 0,
            "seed": 0,
        }
        counts = {"DEADLINE_EXCEEDED": 1, "ABORTED": 1, "UNAVAILABLE": 1}
        assert http_json(f"{admin}/stats") == {"faults": counts}
        assert http_json(f"{admin}/healthz") == {"status": "ok"}
        client.close()
