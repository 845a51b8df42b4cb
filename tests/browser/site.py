"""Functions over a world, as they are served to a browser."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.serving import make_server

from tests.functions.framework_app import framework_app
from tests.world import World


@dataclass(frozen=True, slots=True)
class Site:
    """Where it is served.

    Attributes:
        url: Its address.
        asked: The paths that were asked for.
    """

    url: str
    asked: list[str]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


@contextmanager
def served(world: World) -> Iterator[Site]:
    """The status function of a world, on a port of this machine."""
    with framework_app("status", world) as app, serving(app) as site:
        yield site


@contextmanager
def serving(app: Flask) -> Iterator[Site]:
    """A function, on a port of this machine."""
    asked: list[str] = []
    app.before_request(lambda: asked.append(request.path))
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
