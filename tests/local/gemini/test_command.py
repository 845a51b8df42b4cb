"""`python -m local.gemini` as a process."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local.gemini.wire.messages import Json
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]


class Process:
    def __init__(self, *arguments: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "local.gemini", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )

    def url(self) -> str:
        assert self.popen.stdout
        url: str = json.loads(self.popen.stdout.readline())["url"]
        return url

    def end(self, number: signal.Signals) -> tuple[int, str, str]:
        self.popen.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str, str]:
        stdout, stderr = self.popen.communicate(timeout=PATIENCE)
        return self.popen.returncode, stdout, stderr


@pytest.fixture
def run() -> Iterator[Callable[..., Process]]:
    with ExitStack() as stack:

        def start(*arguments: str) -> Process:
            process = Process(*arguments)
            stack.callback(process.popen.communicate)
            stack.callback(process.popen.kill)
            return process

        yield start


def _ask(
    url: str, path: str, message: object = None, headers: dict[str, str] | None = None
) -> tuple[Any, Any]:
    data = message if isinstance(message, bytes | None) else json.dumps(message).encode()
    headers = {"x-goog-api-key": "key", **(headers or {})}
    request = urllib.request.Request(f"{url}{path}", data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
        body = reply.read()
        return json.loads(body) if body else None, reply.headers


def _start(url: str, size: int, name: str) -> str:
    headers = {
        "X-Goog-Upload-Command": "start",
        "X-Goog-Upload-Header-Content-Length": str(size),
    }
    file = {"file": {"name": name, "mimeType": "text/plain"}}
    _, answer = _ask(url, "/upload/v1beta/files", file, headers)
    target: str = answer["X-Goog-Upload-URL"].removeprefix(url)
    return target


def _chunk(url: str, target: str, data: bytes, offset: int, command: str) -> Json:
    headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
    return _ask(url, target, data, headers)[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_stops_on_a_signal(
    run: Callable[..., Process], number: signal.Signals
) -> None:
    process = run("--port", "0")
    url = process.url()
    assert url.startswith("http://127.0.0.1:")
    assert _ask(url, "/_sim/healthz")[0] == {"status": "ok"}
    assert process.end(number) == (0, "", "")


def test_a_taken_port_is_exit_code_4_with_one_line(run: Callable[..., Process]) -> None:
    port = run().url().rpartition(":")[2]
    code, stdout, stderr = run("--port", port).wait()
    assert (code, stdout) == (4, "")
    assert stderr.count("\n") == 1
    assert port in stderr


def test_limits_faults_and_scale_are_set_on_the_command_line(
    run: Callable[..., Process],
) -> None:
    fault = '{"kind": "unavailable", "route": "stores.get", "times": 1}'
    process = run(
        *("--rpm-limit", "7", "--rpd-limit", "9", "--storage-limit", "300"),
        *("--time-scale", "60", "--seed", "5", "--faults", fault),
        *("--reported-per-byte", "1", "--counts-lag-seconds", "90"),
    )
    url = process.url()
    limits = _ask(url, "/_sim/quota")[0]
    assert (limits["rpm"], limits["rpd"], limits["storage_bytes"]) == (7, 9, 300)
    assert _ask(url, "/_sim/faults")[0]["faults"][0]["kind"] == "unavailable"
    assert _ask(url, "/_sim/store_figures")[0] == {"reported_per_byte": 1, "lag_s": 90.0}


@pytest.mark.parametrize(
    "arguments", [["--faults", "{"], ["--faults", '{"kind": "x"}'], ["--time-scale", "0"]]
)
def test_wrong_usage_is_exit_code_2(run: Callable[..., Process], arguments: list[str]) -> None:
    assert run(*arguments).wait()[0] == 2


def test_what_was_acknowledged_survives_a_kill(run: Callable[..., Process], tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.db"), "--time-scale", "1000")
    process = run(*state)
    url = process.url()
    store = _ask(url, "/v1beta/fileSearchStores", {})[0]["name"]
    _chunk(url, _start(url, 4, "files/a"), b"text", 0, "upload, finalize")
    while _ask(url, "/v1beta/files/a")[0]["state"] != "ACTIVE":
        pass
    body = {"fileName": "files/a", "customMetadata": [{"key": "k", "stringValue": "v"}]}
    operation = _ask(url, f"/v1beta/{store}:importFile", body)[0]["name"]
    target = _start(url, 6, "files/b")
    _chunk(url, target, b"abc", 0, "upload")
    before = _ask(url, "/_sim/documents")[0]["documents"][0]
    process.end(signal.SIGKILL)

    url = run(*state).url()
    assert _chunk(url, target, b"def", 3, "upload, finalize")["file"]["sizeBytes"] == "6"
    while "done" not in _ask(url, f"/v1beta/{operation}")[0]:
        pass
    [after] = _ask(url, "/_sim/documents")[0]["documents"]
    assert after["customMetadata"] == [{"key": "k", "stringValue": "v"}]
    assert (after["name"], after["sha256"]) == (before["name"], before["sha256"])
    stats = _ask(url, "/_sim/stats")[0]
    assert (stats["imports_total"], stats["stores"], stats["raw_files"]) == (1, 1, 2)
    assert (stats["quota_used_today"], stats["stored_bytes"]) == (3, 12)


def test_what_a_full_disk_refused_is_not_there_and_what_was_acknowledged_stays(
    run: Callable[..., Process], tmp_path: Path
) -> None:
    state = ("--state", str(tmp_path / "state.db"))
    process = run(*state)
    url = process.url()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)

    def add_store() -> None:
        _ask(url, "/v1beta/fileSearchStores", {})

    add_store()
    resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))
    with pytest.raises(urllib.error.HTTPError) as refused:
        add_store()
    with refused.value as error:
        assert (error.code, "can't be written" in error.read().decode()) == (503, True)
    assert _ask(url, "/_sim/stats")[0]["stores"] == 1
    resource.prlimit(process.popen.pid, resource.RLIMIT_FSIZE, unlimited)
    add_store()
    process.end(signal.SIGKILL)
    assert _ask(run(*state).url(), "/_sim/stats")[0]["stores"] == 2


def test_a_state_file_has_one_server(run: Callable[..., Process], tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.db"))
    run(*state).url()
    code, stdout, stderr = run(*state).wait()
    assert (code, stdout, stderr.count("\n")) == (4, "", 1)
