from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from local.packaging import FUNCTIONS
from local.rehearsal.library.access import ROUTES, refuse_strangers
from local.rehearsal.step import Findings
from tests.docs.markdown import ROOT


@contextmanager
def function(without_token: int, with_token: int) -> Iterator[str]:
    """A function that answers calls by whether they carry a token."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            self.send_response(with_token if self.headers["Authorization"] else without_token)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def held(url: str, *, name: str = "upload", is_internal: bool = False) -> list[bool]:
    findings = Findings({}, lambda _: None, lambda: None)
    refuse_strangers({name: (url, is_internal)}, findings)
    return [check.holds for check in findings.result.checks]


@pytest.mark.parametrize(
    ("without_token", "with_token", "expected"),
    [
        (403, 401, [True, True]),
        (200, 401, [False, True]),
        (403, 202, [True, False]),
        (400, 401, [False, True]),  # the function itself was reached
        (500, 503, [False, False]),
        (404, 404, [False, False]),
    ],
)
def test_only_401_and_403_are_refusals(
    without_token: int, with_token: int, expected: list[bool]
) -> None:
    with function(without_token, with_token) as url:
        assert held(url) == expected


@pytest.mark.parametrize("name", ["dispatcher", "upload", "status", "a later one"])
def test_each_function_is_called_on_a_route_that_it_has(name: str) -> None:
    with function(403, 401) as url:
        assert held(url, name=name) == [True, True]


def test_the_routes_exist() -> None:
    description = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
    for name in FUNCTIONS:
        method, path = ROUTES[name]
        assert method.lower() in description["paths"][path]


def test_a_function_for_internal_calls_may_be_hidden() -> None:
    with function(404, 404) as url:
        assert held(url, is_internal=True) == [True, True]


def test_no_answer_is_no_refusal() -> None:
    with function(403, 401) as url:
        pass
    assert held(url) == [False, False]
