"""A deployment played by a small server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

SUMMARY = {
    "batch_id": "b1", "status": "completed", "mode": "incremental", "trigger": "http",
    "scanned": 3, "new": 0, "changed": 0, "metadata_changed": 0, "removed": 0, "unchanged": 3,
    "skipped": 0, "young": 0, "indexed": 0, "deleted": 0, "failed": 0, "unreadable": 0,
    "drift": 0, "reconciliation": None,
    "requests": {"metered": 0, "throttled": 0, "unmetered": 0},
    "started_at": None, "completed_at": None, "duration_seconds": None, "estimated_cost": 0.0,
    "rate": {"used": None, "preset": 20}, "left": None, "message": "", "skips": [], "failures": [],
}  # fmt: skip
DETAILS = {
    "phase": "closed", "hold": None, "breaker": {"state": "closed"},
    "progress": {"total": 0, "done": 0, "waiting": 0, "in_progress": 0,
                 "indexed_per_minute": 0, "eta_seconds": 0},
}  # fmt: skip


class Played:
    """Answers by method and path, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[tuple[str, Any, str]] = []
        self.accepts: Callable[[str], bool] = lambda _: True
        self.url = ""
        self.done = ""

    def has(self, *batches: dict[str, Any]) -> None:
        self.answers["GET /batches"] = (200, {"batches": list(batches)})
        for batch in batches:
            self.answers[f"GET /batches/{batch['batch_id']}"] = (200, batch)

    def has_files(self, batch_id: str, files: list[dict[str, Any]]) -> None:
        self.answers[f"GET /batches/{batch_id}/files"] = (200, files)

    def answer(self, method: str, target: str, body: bytes, bearer: str) -> tuple[int, Any]:
        url = urlsplit(target)
        if not self.accepts(bearer):
            return 401, {"error": "the token has ended"}
        self.asked.append((f"{method} {target}", json.loads(body or b"null"), bearer))
        status, value = self.answers.get(f"{method} {url.path}", (404, {"error": "no such thing"}))
        if isinstance(value, list):
            query = parse_qs(url.query)
            start, size = int(query.get("page_token", ["0"])[0]), int(query["limit"][0])
            token = str(start + size) if start + size < len(value) else ""
            name = url.path.rpartition("/")[2]
            value = {name: value[start : start + size], "next_page_token": token}
        return status, value


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    deployment = Played()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            bearer = self.headers.get("Authorization", "")
            status, value = deployment.answer(self.command, self.path, body, bearer)
            self.send_response(status)
            self.end_headers()
            text = value if isinstance(value, str) else json.dumps(value)
            self.wfile.write(text.encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        deployment.url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("FSS_DISPATCHER_URL", deployment.url)
        monkeypatch.setenv("FSS_STATUS_URL", deployment.url)
        monkeypatch.setenv("FSS_ASK_URL", deployment.url)
        yield deployment
        server.shutdown()
        thread.join()
