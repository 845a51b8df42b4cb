"""The server as a process: starting, stopping, being killed, going on."""

from __future__ import annotations

import json
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from google.cloud import tasks_v2

from local.cloud_tasks.__main__ import EXIT_COULD_NOT_START, main
from local.grpc_server.listening import Addresses
from tests.local.cloud_tasks.harness import Handler, LocalServer, until

ROOT = Path(__file__).parents[3]


@contextmanager
def process(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], LocalServer]]:
    command = [sys.executable, "-m", "local.cloud_tasks", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        try:
            server = LocalServer(Addresses(**json.loads(started.stdout.readline())))
            yield started, server
            server.close()
        finally:
            started.kill()


def test_a_killed_server_goes_on_with_every_acknowledged_task(
    tmp_path: Path, handler: Handler
) -> None:
    state = tmp_path / "state"
    handler.gate.clear()
    with process("--state", state) as (killed, server):
        queue = server.queue()
        task = tasks_v2.Task(name=f"{queue}/tasks/cut-off", http_request={"url": handler.url})
        server.client.create_task(parent=queue, task=task)
        handler.wait_for(1)
        server.client.pause_queue(name=queue)
        task = tasks_v2.Task(http_request={"url": handler.url})
        names = [server.client.create_task(parent=queue, task=task).name for _ in range(50)]
        server.client.delete_task(name=names.pop())
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    handler.gate.set()
    with process("--state", state) as (stopped, server):
        assert server.client.resume_queue(name=queue).state == tasks_v2.Queue.State.RUNNING
        hits = handler.wait_for(1 + 1 + len(names))
        assert {hit.headers["x-cloudtasks-taskretrycount"] for hit in hits} == {"0"}
        delivered = sorted(f"{queue}/tasks/{hit.task}" for hit in hits)
        assert delivered == sorted([*names, *[f"{queue}/tasks/cut-off"] * 2])
        server.wait_for(queue, depth=0)
        stopped.terminate()
        assert stopped.wait() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_full_disk_holds_up_no_task(tmp_path: Path, handler: Handler) -> None:
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler.gate.clear()
    with process("--state", tmp_path / "state") as (started, server):
        queue = server.queue(rate_limits={"max_concurrent_dispatches": 1})
        task = tasks_v2.Task(http_request={"url": handler.url})
        names = {server.client.create_task(parent=queue, task=task).name for _ in range(3)}
        handler.wait_for(1)
        resource.prlimit(started.pid, resource.RLIMIT_FSIZE, (0, unlimited[1]))
        handler.gate.set()
        hits = handler.wait_for(3)
    assert {f"{queue}/tasks/{hit.task}" for hit in hits} == names


def test_sigint_stops_cleanly_and_takes_the_ready_file_away(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with process("--ready-file", ready) as (started, server):
        assert Addresses(**json.loads(ready.read_text())) == server.addresses
        started.send_signal(signal.SIGINT)
        until(lambda: started.poll() is not None)
        assert started.returncode == 0
        assert not ready.exists()


@pytest.mark.parametrize("option", ["--port", "--admin-port"])
def test_a_taken_port_is_one_clear_line(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main([option, str(port)]) == EXIT_COULD_NOT_START
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"cloud_tasks: port {port} on 127.0.0.1 is in use\n"


def test_a_state_file_that_cannot_be_used_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--state", str(tmp_path)]) == EXIT_COULD_NOT_START
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("faults", ["{", "[]", '{"nonsense": 1}'])
def test_bad_faults_are_a_usage_error(faults: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--faults", faults])
    assert "usage" in capsys.readouterr().err
