"""A web page that tries all it can against servers on this machine, and reports what it could."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.patience import PATIENCE


@dataclass(frozen=True, slots=True)
class Target:
    """What the page tries to use.

    Attributes:
        name: The server.
        url: What it tries to read.
        write: What it sends posts to.
        body: What it posts.
    """

    name: str
    url: str
    write: str
    body: str = "{}"


_PAGE = """<!DOCTYPE html><title>a page</title><body><script>
const targets = TARGETS;
const timed = (promise) => Promise.race([
  promise, new Promise((_, give_up) => setTimeout(() => give_up("no answer"), 20000))]);
const outcome = async (attempt) => {
  try { return await timed(attempt()); } catch (error) { return "refused: " + error; }
};
const shown = (tag, url) => () => new Promise((done, failed) => {
  const element = document.createElement(tag);
  element.onload = () => done("loaded");
  element.onerror = () => failed("error");
  element.src = url;
  document.body.append(element);
});
const socket = (url) => () => new Promise((done, failed) => {
  const opened = new WebSocket(url.replace(/^http/, "ws"));
  opened.onopen = () => done("open");
  opened.onerror = () => failed("error");
});
const form = (url, body) => () => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.name = "frame" + Math.random();
  const element = document.createElement("form");
  Object.assign(element, {method: "POST", action: url, target: frame.name, enctype: "text/plain"});
  const field = document.createElement("input");
  field.name = body;
  element.append(field);
  document.body.append(frame, element);
  frame.onload = () => done("sent");
  element.submit();
});
const readings = (url) => ({
  fetch: async () => (await fetch(url)).status,
  fetch_text: async () => (await (await fetch(url)).text()).slice(0, 200),
  keyed: async () => (await fetch(url, {headers: {"x-goog-api-key": "local"}})).status,
  script: shown("script", url),
  socket: socket(url),
});
const writings = (url, body) => ({
  plain: async () => (await fetch(url, {method: "POST", body, mode: "no-cors"})).type,
  json: async () => (await fetch(url, {method: "POST", body,
    headers: {"Content-Type": "application/json", "X-Local-Admin": "1"}})).status,
  put: async () => (await fetch(url, {method: "PUT", body})).status,
  delete: async () => (await fetch(url, {method: "DELETE"})).status,
  beacon: async () => navigator.sendBeacon(url, body),
  unreferred: async () => (await fetch(url,
    {method: "POST", body, mode: "no-cors", referrerPolicy: "no-referrer"})).type,
  form: form(url, body),
});
(async () => {
  const found = {};
  await Promise.all(targets.map(async ({name, url, write, body}) => {
    found[name] = {};
    const attempts = {...readings(url), ...writings(write, body)};
    await Promise.all(Object.entries(attempts).map(async ([how, attempt]) => {
      found[name][how] = await outcome(attempt);
    }));
  }));
  await fetch("/report", {method: "POST", body: JSON.stringify(found)});
})();
</script>"""


@contextmanager
def foreign_page(targets: Sequence[Target]) -> Iterator[ForeignPage]:
    """Serve the page on a port of its own."""
    page = ForeignPage(targets)
    thread = threading.Thread(target=page.server.serve_forever)
    thread.start()
    try:
        yield page
    finally:
        page.server.shutdown()
        thread.join()
        page.server.server_close()


class ForeignPage:
    def __init__(self, targets: Sequence[Target]) -> None:
        told: queue.SimpleQueue[dict[str, dict[str, Any]]] = queue.SimpleQueue()
        html = _PAGE.replace("TARGETS", json.dumps([asdict(target) for target in targets])).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(html)

            def do_POST(self) -> None:
                told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self._told = told

    def report(self) -> dict[str, dict[str, Any]]:
        """What the page could do, by target and attempt."""
        return self._told.get(timeout=PATIENCE)


class OpenServer(BaseHTTPRequestHandler):
    """A server without a guard, which answers every origin."""

    written: queue.SimpleQueue[str] = queue.SimpleQueue()

    def _answer(self) -> None:
        if self.command in {"POST", "PUT", "DELETE"}:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.written.put(self.command)
        self.send_response(200)
        for name in ("Origin", "Methods", "Headers"):
            self.send_header(f"Access-Control-Allow-{name}", "*")
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"/*me*/")

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = _answer  # noqa: N815 - the base class's

    def log_message(self, *_: object) -> None:
        pass
