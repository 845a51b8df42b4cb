"""The guard of WSGI applications, such as the functions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from local.web_guard.rules import REFUSED, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class WsgiGuard:
    """An application that answers 403 to what a web page may have sent.

    Args:
        application: Gets all other requests.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def values_of(header: str) -> list[str]:
            value = environ.get(f"HTTP_{header.upper().replace('-', '_')}")
            return [] if value is None else [value]

        why = refusal(environ["REQUEST_METHOD"], values_of)
        if why is None:
            return self._application(environ, start_response)
        body = json.dumps({"error": why}).encode()
        start_response(
            f"{REFUSED.value} {REFUSED.phrase}",
            [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
        )
        return [body]
