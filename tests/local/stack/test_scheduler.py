from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from local.stack.scheduler import Scheduler
from tests.patience import PATIENCE

if TYPE_CHECKING:
    import pytest


class Dispatcher:
    """Counts calls; each one waits until it may answer."""

    def __init__(self, status: int = 200, body: object = None) -> None:
        self.status = status
        self.body = body
        self.calls: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.may_answer = threading.Event()
        self.called = threading.Semaphore(0)
        self.lock = threading.Lock()

    def answer(self, path: str) -> int:
        with self.lock:
            self.calls.append(path)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.called.release()
        self.may_answer.wait(PATIENCE)
        with self.lock:
            self.at_once -= 1
        return self.status


@contextmanager
def serving(dispatcher: Dispatcher) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(dispatcher.answer(self.path))
            self.end_headers()
            self.wfile.write(json.dumps(dispatcher.body).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            dispatcher.may_answer.set()
            server.shutdown()
            thread.join()


def test_the_first_call_comes_at_once_and_others_follow() -> None:
    dispatcher = Dispatcher()
    dispatcher.may_answer.set()
    with serving(dispatcher) as url, Scheduler(url, interval=0.01):
        for _ in range(3):
            assert dispatcher.called.acquire(timeout=PATIENCE)
    assert set(dispatcher.calls) == {"/control/supervise"}


def test_with_a_long_interval_there_is_the_first_call_only() -> None:
    dispatcher = Dispatcher()
    dispatcher.may_answer.set()
    with serving(dispatcher) as url, Scheduler(url, interval=3600):
        assert dispatcher.called.acquire(timeout=PATIENCE)
    assert len(dispatcher.calls) == 1


def test_calls_never_overlap() -> None:
    dispatcher = Dispatcher()
    with serving(dispatcher) as url, Scheduler(url, interval=0.001):
        assert dispatcher.called.acquire(timeout=PATIENCE)
        assert not dispatcher.called.acquire(timeout=0.1), "called again during a call"
        dispatcher.may_answer.set()
        assert dispatcher.called.acquire(timeout=PATIENCE)
    assert dispatcher.most_at_once == 1


def test_of_failed_calls_in_a_row_the_first_is_logged_and_their_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dispatcher = Dispatcher(status=503, body={"error": "the database is full"})
    dispatcher.may_answer.set()
    with (
        caplog.at_level(logging.WARNING),
        serving(dispatcher) as url,
        Scheduler(url, interval=0.01),
    ):
        for _ in range(4):
            assert dispatcher.called.acquire(timeout=PATIENCE)
        dispatcher.status = 200
        for _ in range(4):
            assert dispatcher.called.acquire(timeout=PATIENCE)
    assert caplog.messages == [
        "the supervisor's call failed and is repeated: the database is full",
        "the supervisor's call succeeds again",
    ]


def test_failed_calls_whose_reason_was_told_are_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dispatcher = Dispatcher(status=503)
    dispatcher.may_answer.set()
    with (
        caplog.at_level(logging.WARNING),
        serving(dispatcher) as url,
        Scheduler(url, 0.01, lambda: True),
    ):
        for _ in range(4):
            assert dispatcher.called.acquire(timeout=PATIENCE)
        dispatcher.status = 200
        for _ in range(4):
            assert dispatcher.called.acquire(timeout=PATIENCE)
    assert not caplog.messages


def test_an_error_that_says_nothing_is_logged_with_its_status(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dispatcher = Dispatcher(status=500)
    dispatcher.may_answer.set()
    with (
        caplog.at_level(logging.WARNING),
        serving(dispatcher) as url,
        Scheduler(url, interval=0.01),
    ):
        for _ in range(2):
            assert dispatcher.called.acquire(timeout=PATIENCE)
    assert "HTTP status 500" in caplog.text
