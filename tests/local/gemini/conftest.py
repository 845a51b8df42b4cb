from __future__ import annotations

import hashlib
import io
import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from google import genai
from google.genai import types

from local.gemini.api.api import Api
from local.gemini.api.exchange import Head, Reply
from local.gemini.clock import ManualClock
from local.gemini.server import serving
from local.gemini.settings import Settings
from local.gemini.simulator import Simulator
from local.gemini.traffic.quota import QuotaLimits
from local.gemini.wire.messages import Json
from local.web_guard.rules import ADMIN_HEADER
from tests.patience import PATIENCE

BASE_URL = "http://127.0.0.1:1"


class Wireless:
    """The API without a server: requests go straight to the handler."""

    def __init__(self, simulator: Simulator) -> None:
        self._api = Api(simulator)

    def send(
        self,
        method: str,
        target: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        parts = urlsplit(target)
        head = Head(
            method=method,
            path=parts.path,
            query=dict(parse_qsl(parts.query)),
            headers={"x-goog-api-key": "key"} if headers is None else headers,
            base_url=BASE_URL,
        )
        call = self._api.open(head)
        if call.fault:
            self._api.abandon(call)
            return Reply(status=0)
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        return self._api.answer(call, raw)

    def ask(self, method: str, target: str, body: object = None) -> Json:
        reply = self.send(method, target, body)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def refused(self, method: str, target: str, body: object = None) -> tuple[int, str]:
        reply = self.send(method, target, body)
        error = json.loads(reply.body)["error"]
        assert error["code"] == reply.status
        return reply.status, error["status"]

    def start(self, size: int, file: dict[str, Any], path: str = "/upload/v1beta/files") -> Reply:
        headers = {
            "x-goog-api-key": "key",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": str(size),
        }
        return self.send("POST", path, file, headers)

    def chunk(self, url: str, data: bytes, offset: int, command: str) -> Reply:
        headers = {"x-goog-upload-command": command, "x-goog-upload-offset": str(offset)}
        return self.send("POST", url.removeprefix(BASE_URL), data, headers)

    def upload(self, data: bytes = b"text", **file: Json) -> Json:
        file = {"mimeType": "text/plain", **file}
        started = self.start(len(data), {"file": file})
        assert started.status == 200, started.body
        done = self.chunk(started.headers["X-Goog-Upload-URL"], data, 0, "upload, finalize")
        assert done.status == 200, done.body
        return json.loads(done.body)["file"]

    def store(self) -> str:
        name: str = self.ask("POST", "/v1beta/fileSearchStores", {"displayName": "Docs"})["name"]
        return name


@dataclass(frozen=True)
class Served:
    """One server and client for the whole run: making them takes longer than most tests."""

    simulator: Simulator
    clock: ManualClock
    url: str
    client: genai.Client


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    clock = ManualClock()
    settings = Settings(processing_s=1, import_base_s=10, import_per_mb_s=0, jitter=0)
    simulator = Simulator(settings, clock=clock)
    with pytest.MonkeyPatch.context() as patch, serving(simulator) as url:
        patch.setenv("NO_PROXY", "127.0.0.1")
        options = types.HttpOptions(
            base_url=url,
            api_version="v1beta",
            timeout=int(1000 * PATIENCE),
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        client = genai.Client(api_key="key", vertexai=False, http_options=options)
        yield Served(simulator, clock, url, client)
        client.close()
    simulator.close()


@pytest.fixture
def simulator(served: Served) -> Simulator:
    """The simulator as new: nothing in it, no limits, no faults, the clock at its start."""
    served.clock._now = ManualClock().now()
    served.simulator.reset()
    served.simulator.quota.limits = QuotaLimits()
    return served.simulator


@pytest.fixture
def clock(served: Served, simulator: Simulator) -> ManualClock:
    assert simulator.clock is served.clock
    return served.clock


@pytest.fixture
def wireless(simulator: Simulator) -> Wireless:
    return Wireless(simulator)


@pytest.fixture
def imported(wireless: Wireless, clock: ManualClock) -> Callable[..., Any]:
    """Upload and import a text; gives store, document and operation once it is accepted."""

    def run(store: str, data: bytes = b"text", *, metadata: object = None) -> Json:
        file = wireless.upload(data)
        clock.advance(1)
        body = {"fileName": file["name"], "customMetadata": metadata or []}
        operation = wireless.ask("POST", f"/v1beta/{store}:importFile", body)["name"]
        return operation, operation.replace("/operations/", "/documents/")

    return run


@pytest.fixture
def url(served: Served, simulator: Simulator) -> str:
    assert simulator is served.simulator
    return served.url


@pytest.fixture
def client(served: Served, url: str) -> genai.Client:
    assert url == served.url
    return served.client


@pytest.fixture
def admin(url: str) -> Callable[..., Any]:
    """Call an admin route: `admin("stats")`, `admin("faults", {...})`."""

    def call(path: str, message: object = None, *, method: str | None = None) -> Json:
        data = None if message is None else json.dumps(message).encode()
        request = urllib.request.Request(f"{url}/_sim/{path}", data=data, method=method)
        request.add_header(ADMIN_HEADER, "test")
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            return json.load(reply)

    return call


@pytest.fixture
def upload(client: genai.Client) -> Callable[..., types.File]:
    """Upload bytes with the official client."""

    def run(data: bytes = b"text", **config: Json) -> types.File:
        config = {"mime_type": "text/plain", **config}
        return client.files.upload(file=io.BytesIO(data), config=types.UploadFileConfig(**config))

    return run


@pytest.fixture
def sha256() -> Callable[[bytes], str]:
    return lambda data: hashlib.sha256(data).hexdigest()
