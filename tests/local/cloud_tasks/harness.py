"""A server in a thread, a handler that answers as told, and waiting for what they do."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from local.cloud_tasks.server import serving
from local.cloud_tasks.settings import Settings
from local.grpc_server.listening import Addresses
from local.web_guard.rules import ADMIN_HEADER
from tests.patience import PATIENCE

LOCATION = "projects/demo/locations/europe-west1"


@dataclass(frozen=True)
class Answer:
    """What the handler replies."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hit:
    """A request the handler got."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def task(self) -> str:
        return self.headers["x-cloudtasks-taskname"]


class _ManyCallers(ThreadingHTTPServer):
    request_queue_size = 512  # more than 5 waiting connections would be dropped and tried again


class Handler:
    """An HTTP server that keeps what it got; `answer` decides what it replies."""

    def __init__(self) -> None:
        self.answer: Callable[[Hit], Answer] = lambda _: Answer()
        self.gate = threading.Event()
        self.gate.set()
        self._hits: list[Hit] = []
        self._news = threading.Condition()
        self._server = _ManyCallers(("127.0.0.1", 0), self._request_handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/tasks"

    @property
    def hits(self) -> list[Hit]:
        with self._news:
            return list(self._hits)

    def wait_for(self, count: int) -> list[Hit]:
        with self._news:
            assert self._news.wait_for(lambda: len(self._hits) >= count, PATIENCE), self._hits
            return list(self._hits)

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, hit: Hit) -> Answer:
        with self._news:
            self._hits.append(hit)
            self._news.notify_all()
        self.gate.wait(PATIENCE)
        return self.answer(hit)

    def _request_handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class RequestHandler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0)))
                answer = take(Hit(now(), self.command, self.path, headers, body))
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = handle_one  # noqa: N815 - names http.server looks for

            def log_message(self, *_: object) -> None: ...

        return RequestHandler


class LocalServer:
    """A running server, and the real client connected to it."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self._channel = grpc.insecure_channel(addresses.grpc)
        self.client = tasks_v2.CloudTasksClient(
            transport=CloudTasksGrpcTransport(channel=self._channel)
        )

    def close(self) -> None:
        self._channel.close()

    def queue(self, queue_id: str = "work", **settings: object) -> str:
        queue = tasks_v2.Queue(name=f"{LOCATION}/queues/{queue_id}", **settings)
        return self.client.create_queue(parent=LOCATION, queue=queue).name

    def admin(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.addresses.admin}{path}", data, headers={ADMIN_HEADER: "test"}
        )
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.load(response)

    def summary(self, queue: str) -> dict[str, Any]:
        summaries: list[dict[str, Any]] = self.admin("/queues")["queues"]
        return next(summary for summary in summaries if summary["name"] == queue)

    def wait_for(self, queue: str, **values: object) -> None:
        """Wait until the queue's summary has these values."""
        until(lambda: values.items() <= self.summary(queue).items())


@contextmanager
def running(settings: Settings) -> Iterator[LocalServer]:
    """A server in a thread of its own."""
    ready = threading.Event()
    box: dict[str, Any] = {}

    async def run() -> None:
        stop = asyncio.Event()
        async with serving(settings) as addresses:
            box.update(addresses=addresses, loop=asyncio.get_running_loop(), stop=stop)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(PATIENCE)
    server = LocalServer(box["addresses"])
    try:
        yield server
    finally:
        server.close()
        box["loop"].call_soon_threadsafe(box["stop"].set)
        thread.join()


def until(condition: Callable[[], bool]) -> None:
    """Look again until it holds."""
    end = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never came true"
        pause.wait(0.01)


def now() -> float:
    """Seconds since the epoch: client, server and handler share the real clock."""
    return time.time()  # noqa: TID251 - schedule times are meant in it


def epoch(moment: object) -> float:
    """Seconds since the epoch of a time the client returned."""
    assert isinstance(moment, datetime)
    return moment.timestamp()


def at(timestamp: float) -> datetime:
    """Seconds since the epoch as the client takes them."""
    return datetime.fromtimestamp(timestamp, UTC)
