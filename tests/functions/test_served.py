"""Requests of any kind, over a socket, to a function as the functions framework serves it."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from local.packaging import ROOT
from local.processes.children import Processes, answers
from local.processes.ports import HOST, free_ports
from shared.http.requests import MAX_BODY
from tests.functions.tokens import PERSON, TASKS, bearer
from tests.patience import PATIENCE

MAIN = """
import os
from datetime import timedelta

import functions_framework

from shared.domain.deployment.callers import Caller, Callers
from shared.http.framework import answer_everything
from shared.http.requests import task_body
from shared.http.routes import Queried, Routes


TASKS = "TASKS_ADDRESS"
CALLERS = Callers({Caller.TASKS: TASKS}, are_checked="CHECKS_CALLERS" in os.environ)


def told(request):
    return {"process": os.getpid(), "length": len(request.get_data())}, 200


def fails(_):
    raise RuntimeError("nothing expects this")


ROUTES = Routes(
    {
        ("POST", "/step"): told,
        ("POST", "/task"): lambda request: (task_body(request), 200),
        ("GET", "/fails"): fails,
        ("GET", "/fine"): lambda _: ({}, 200),
    },
    callers=CALLERS,
    machines={("POST", "/task"): {Caller.TASKS}},
    budget=timedelta(seconds=BUDGET),
    patience=timedelta(seconds=PATIENCE),
)
answer_everything(ROUTES)


@functions_framework.http
def main(request):
    return ROUTES(request)
"""

CHUNKED = b"POST /step HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def started(
    folder: Path, processes: Processes, *, budget: float, patience: float, **more: str
) -> int:
    """Serve the function as a deployment does, and return its port."""
    source = MAIN.replace("BUDGET", str(budget)).replace("PATIENCE", str(patience))
    source = source.replace("TASKS_ADDRESS", TASKS)
    (folder / "main.py").write_text(source)
    (port,) = free_ports(1)
    framework = [sys.executable, "-m", "functions_framework", "--target", "main"]
    where = ["--source", "main.py", "--host", HOST, "--port", str(port)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "THREADS": "8", "WORKERS": "1", **more}
    child = processes.start("function", [*framework, *where], env=variables, cwd=folder)
    child.wait_until(lambda: answers(f"http://{HOST}:{port}"))
    return port


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A function whose bodies have all the time that a test may take."""
    folder = tmp_path_factory.mktemp("function")
    with Processes(folder) as processes:
        yield started(folder, processes, budget=PATIENCE, patience=PATIENCE)


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A function whose budget for a step ends before its bodies' time."""
    folder = tmp_path_factory.mktemp("hurried")
    with Processes(folder) as processes:
        yield started(folder, processes, budget=0.3, patience=0.9)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A function that checks its callers."""
    folder = tmp_path_factory.mktemp("guarded")
    with Processes(folder) as processes:
        yield started(folder, processes, budget=PATIENCE, patience=PATIENCE, CHECKS_CALLERS="1")


def sent(port: int, request: bytes) -> tuple[int, dict[str, Any]]:
    """The status and the JSON body of the response to these bytes."""
    with socket.create_connection((HOST, port), PATIENCE) as connection:
        connection.sendall(request)
        return response_on(connection)


def response_on(connection: socket.socket, method: str = "POST") -> tuple[int, dict[str, Any]]:
    with closing(http.client.HTTPResponse(connection, method=method)) as response:
        response.begin()
        assert response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.read() or b"{}")


def asked(port: int, method: str, target: str, body: bytes = b"") -> tuple[int, dict[str, Any]]:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\n{length}\r\n"
    return sent(port, head.encode() + body)


def process_of(port: int) -> int:
    status, told = asked(port, "POST", "/step", b"{}")
    assert status == HTTPStatus.OK
    return int(told["process"])


# --- bodies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_line",
    [
        b"POST /step HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{",
        CHUNKED + b"14\r\n{",
        CHUNKED,
        b"GET /fine HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{",
        b"POST /robots.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{",
    ],
    ids=["announced", "chunk", "no chunk", "of a GET", "of the framework's path"],
)
def test_a_body_that_never_comes_ends_its_own_request_only(
    hurried: int, request_line: bytes
) -> None:
    process = process_of(hurried)

    status, told = sent(hurried, request_line)

    assert (status, "did not arrive" in told["error"]) == (408, True)
    assert process_of(hurried) == process, "the watchdog has ended the process"


def test_a_body_that_trickles_is_given_up_too(hurried: int) -> None:
    process = process_of(hurried)
    with socket.create_connection((HOST, hurried), PATIENCE) as connection:
        connection.sendall(b"POST /step HTTP/1.1\r\nHost: x\r\nContent-Length: 16000\r\n\r\n")
        connection.settimeout(0.05)
        answered = b""
        while not answered:
            connection.sendall(b" ")
            try:
                answered = connection.recv(12)
            except TimeoutError:
                continue

    assert answered == b"HTTP/1.1 408"
    assert process_of(hurried) == process


@pytest.mark.parametrize(
    "chunks",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}xx0\r\n\r\n",
        b"-2\r\n{}\r\n",
        b"\r\n\r\n",
        b"2;\x00\r\n{}",
    ],
    ids=repr,
)
@pytest.mark.parametrize("path", [b"/step", b"/robots.txt"])
def test_a_malformed_chunk_is_a_400(port: int, path: bytes, chunks: bytes) -> None:
    status, told = sent(port, CHUNKED.replace(b"/step", path) + chunks)

    assert (status, told["error"]) == (400, "invalid request")


def test_a_body_that_breaks_off_is_not_taken_for_whole(port: int) -> None:
    with socket.create_connection((HOST, port), PATIENCE) as connection:
        connection.sendall(b"POST /step HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{}")
        connection.shutdown(socket.SHUT_WR)
        assert response_on(connection)[0] == 400


def chunked(length: int) -> bytes:
    return CHUNKED + b"%x\r\n" % length + b" " * length + b"\r\n0\r\n\r\n"


def test_chunks_have_the_same_limit_as_any_body(port: int) -> None:
    assert sent(port, chunked(MAX_BODY))[1]["length"] == MAX_BODY
    assert asked(port, "POST", "/step", b" " * MAX_BODY)[1]["length"] == MAX_BODY
    for length in (MAX_BODY + 1, MAX_BODY + 2, 2 * MAX_BODY):
        assert sent(port, chunked(length))[0] == 413
        assert asked(port, "POST", "/step", b" " * length)[0] == 413


@pytest.mark.parametrize("target", ["/step", "/fine", "/robots.txt", "/nothing", "//step", "/%0A"])
def test_three_hundred_megabytes_are_not_kept(port: int, target: str) -> None:
    process = process_of(port)
    before = most_memory(process)
    request = CHUNKED.replace(b"/step", target.encode())
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    with socket.create_connection((HOST, port), PATIENCE) as connection:
        connection.sendall(request)
        try:
            for _ in range(300 * 16):
                connection.sendall(piece)
        except OSError:
            return  # the server has closed the connection
        finally:
            assert most_memory(process) - before < 20_000_000


def most_memory(process: int) -> int:
    """The most bytes of memory that a process has held."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(peak) * 1024


# --- answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/robots.txt", 404),
        ("GET", "/favicon.ico", 404),
        ("POST", "/%0A", 404),
        ("POST", "/a%0Ab", 404),
        ("POST", "/%00", 404),
        ("POST", "/%ff", 404),
        ("POST", "/a//b", 404),
        ("POST", "/..", 404),
        ("POST", "/" + "x" * 5000, 404),
        ("GET", "/fails", 500),
        ("OPTIONS", "/step", 405),
        ("TRACE", "/step", 405),
        ("BREW", "/step", 405),
        ("PUT", "/fine", 405),
        ("POST", "/step?dry_run=true", 400),
        ("GET", "/fine?x", 400),
        ("GET", "/fine?=1", 400),
        ("GET", "/fine?", 200),
    ],
)
def test_whatever_is_asked_is_answered_in_json(
    port: int, method: str, target: str, status: int
) -> None:
    answered, told = asked(port, method, target)

    assert answered == status
    assert ("error" in told) is (status >= 400)


def test_a_head_has_the_headers_of_a_get(port: int) -> None:
    with socket.create_connection((HOST, port), PATIENCE) as connection:
        connection.sendall(b"HEAD /fine HTTP/1.1\r\nHost: x\r\n\r\n")
        assert response_on(connection, "HEAD") == (200, {})


def test_an_upgrade_to_another_protocol_is_refused(port: int) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    status, told = sent(port, b"GET /fine HTTP/1.1\r\nHost: x\r\n" + upgrade + b"\r\n")

    assert (status, told["error"]) == (400, "invalid request")


@pytest.mark.parametrize("host", ["a b/c", "[", "x" * 3000, "x:99999999"])
def test_an_odd_host_does_no_harm(port: int, host: str) -> None:
    assert sent(port, f"GET /fine HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())[0] in (200, 400)


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"a": NaN}', b'{"a": 1, "a": 2}', b'{"a": "\\ud800"}', b"\xff", b"[" * 9000],
    ids=lambda body: repr(body[:20]),
)
def test_a_task_that_is_no_json_object_is_dropped(port: int, body: bytes) -> None:
    status, told = asked(port, "POST", "/task", body)

    assert (status, [*told]) == (200, ["dropped"])


def test_memory_is_flat_over_five_thousand_requests(port: int) -> None:
    def many(count: int) -> None:
        connection = http.client.HTTPConnection(HOST, port, PATIENCE)
        with closing(connection):
            for number in range(count):
                target = ("/step", "/robots.txt", "/nothing", f"/step?x{number}")[number % 4]
                connection.request("POST", target, b" " * (number % 2000))
                connection.getresponse().read()

    process = process_of(port)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(many, [125] * 4))
        before = most_memory(process)
        list(threads.map(many, [1250] * 4))

    assert most_memory(process) - before < 8_000_000


# --- callers ----------------------------------------------------------------------------------

REAL, FORGED = bearer(PERSON), bearer(TASKS)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Authorization", FORGED)], 200),  # as Cloud Run passes it on, once it is verified
        ([("X-Serverless-Authorization", FORGED)], 200),
        ([("Authorization", REAL)], 403),
        ([("Authorization", REAL), ("X_Serverless_Authorization", FORGED)], 403),
        ([("X_Serverless_Authorization", FORGED)], 403),
        ([("X-Serverless_Authorization", FORGED), ("Authorization", REAL)], 403),
        ([("Authorization", REAL), ("Authorization", FORGED)], 403),
        ([("Authorization", FORGED), ("Authorization", REAL)], 403),
        ([("X-Serverless-Authorization", REAL), ("X-Serverless-Authorization", FORGED)], 403),
        ([("X-Serverless-Authorization", REAL), ("Authorization", FORGED)], 403),
        ([("Authorization", REAL), ("X-Serverless-Authorization", "")], 403),
        ([], 403),
    ],
    ids=range(12),
)
def test_the_server_lets_no_second_header_stand_for_the_verified_one(
    guarded: int, headers: list[tuple[str, str]], status: int
) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"POST /task HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: 2\r\n\r\n"
    assert sent(guarded, head.encode() + b"{}")[0] == status
