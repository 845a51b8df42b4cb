"""Serves the page of a deployment on 127.0.0.1, and asks the deployment for each of its parts.

The person's own identity is added behind this front, so the front must answer nobody else. It
refuses what other pages send (``web_guard``), and it wants a key that only the printed address has:
other people's programs on this machine can reach the port too. The first visit puts the key into a
cookie.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qs, urlsplit

from local.front import ask_box
from local.processes.ports import CANDIDATES, HOST, free_ports, is_free
from local.web_guard.rules import refusal

PASSED: Final = (
    "Content-Type", "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options",
    "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
    "Cache-Control", "Vary",
)  # fmt: skip
"""Headers of the deployment's answers that are passed on."""

ASKED: Final = ("Accept",)
"""Headers of the browser's requests that are passed on."""

_PLAIN: Final = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Source = Callable[[str, Mapping[str, str]], Answer]
"""Gets a path with its query, and headers, from the deployment. Raises ``Unreachable``."""


class Unreachable(Exception):
    """The deployment gives no answer; the message says why, and what to do."""


class PageFront:
    """Serves for the duration of a ``with`` block.

    Args:
        source: Where the page comes from.
        port: The port to listen on; None: one that is the same each time for the same ``of``, so
            that the browser knows what it showed the last time.
        of: What the page is of, such as the deployment's address.
        ask: Asks the deployment a question; None if it answers none. Then the page has no box.

    Raises:
        OSError: The port is taken.
    """

    def __init__(
        self, source: Source, *, of: str, port: int | None = None, ask: ask_box.Ask | None = None
    ) -> None:
        self._key = secrets.token_urlsafe(24)
        address = HOST, _usual_port(of) if port is None else port
        self._server = _Server(address, source, self._key, ask)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """What to open in the browser; it has the key."""
        return f"http://{HOST}:{self._server.server_port}/?key={self._key}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _usual_port(of: str) -> int:
    digest = int.from_bytes(hashlib.sha256(of.encode()).digest()[:4])
    port = CANDIDATES[digest % len(CANDIDATES)]
    return port if is_free(port) else free_ports(1)[0]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], source: Source, key: str, ask: ask_box.Ask | None
    ) -> None:
        self.source = source
        self.ask = ask
        self.key = key
        super().__init__(address, _Handler)

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies are shared by all ports of a host."""
        return f"fss-page-{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 30.0

    def do_GET(self) -> None:
        """Answer from the deployment, if the request has the key."""
        self._answer(self._answered())

    do_HEAD = do_GET  # noqa: N815 - the base class's name

    def do_POST(self) -> None:
        """Answer a question of the box, if the request has the key."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > ask_box.MAX_FORM:
            self.close_connection = True
            self._answer(Answer(HTTPStatus.BAD_REQUEST, b"The form is too long.\n", _PLAIN))
            return
        form = self.rfile.read(int(length))
        ask = self.server.ask if self.path == ask_box.PATH else None
        if ask is None:
            self._answer(Answer(HTTPStatus.NOT_IMPLEMENTED, b"There is no such form.\n", _PLAIN))
            return
        self.path, box = "/", partial(ask_box.answered, form, ask)
        self._answer(self._answered(box))

    def _answered(self, box: Callable[[bytes], bytes] = ask_box.with_box) -> Answer:
        why = refusal(self.command, lambda name: self.headers.get_all(name) or ())
        if why is not None:
            return Answer(HTTPStatus.FORBIDDEN, why.encode(), _PLAIN)
        url = urlsplit(self.path)
        given = parse_qs(url.query).get("key", [""])[-1]
        if url.path == "/" and given and self._is_key(given):
            cookie = f"{self.server.cookie}={given}; Path=/; HttpOnly; SameSite=Strict"
            return Answer(
                HTTPStatus.SEE_OTHER, b"", {**_PLAIN, "Location": "/", "Set-Cookie": cookie}
            )
        if not self._is_key(self._kept_key()):
            said = "Open the address that fss printed: it has the key of this page.\n"
            return Answer(HTTPStatus.FORBIDDEN, said.encode(), _PLAIN)
        asked = {name: value for name in ASKED if (value := self.headers.get(name))}
        try:
            answer = self.server.source(self.path, asked)
        except Unreachable as error:
            return Answer(HTTPStatus.BAD_GATEWAY, f"{error}\n".encode(), _PLAIN)
        is_page = answer.headers.get("Content-Type", "").startswith("text/html")
        if self.server.ask is None or url.path != "/" or not is_page:
            return answer
        return replace(answer, body=box(answer.body))

    def _is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.server.key.encode())

    def _kept_key(self) -> str:
        """The key in the request's cookie; empty without one."""
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return ""
        kept = cookies.get(self.server.cookie)
        return kept.value if kept else ""

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Log nothing: the addresses have names of files in them."""
