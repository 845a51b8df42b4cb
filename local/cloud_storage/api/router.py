"""Finds the handler of a request, and answers for refusals."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from local.cloud_storage.api.call import Call, Route
from local.cloud_storage.refusals import Refused, invalid, not_found, not_implemented

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Router:
    """The handler of an aiohttp server.

    Args:
        routes: Of those that match a request the first answers it.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(route, re.compile(route.path)) for route in routes]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        path, _, query = request.raw_path.partition("?")
        plain = False
        try:
            for route, pattern in self._routes:
                match = pattern.fullmatch(path)
                if match is not None and route.method == request.method:
                    parameters = dict(_decoded_pairs(query))
                    plain = route.plain and parameters.get("alt") == "media"
                    names = tuple(_decoded(name) for name in match.groups())
                    if "If-Match" in request.headers:
                        raise not_implemented("condition If-Match")
                    return await route.handle(Call(request, names, parameters))
            raise not_found(f"The local Cloud Storage has no {request.method} {path}")
        except Refused as refusal:
            return _refusal(refusal, plain=plain)
        except (ConnectionError, web.RequestPayloadError):  # the client has gone, or has lost count
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            message = f"The state can't be written: {error.strerror}"
            full = Refused(HTTPStatus.INSUFFICIENT_STORAGE, "insufficientStorage", message)
            return _refusal(full, plain=plain)


def _decoded(quoted: str) -> str:
    try:
        return unquote(quoted, errors="strict")
    except UnicodeError:
        raise invalid("The path is not valid UTF-8.") from None


def _decoded_pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise invalid("The parameters are not valid UTF-8.") from None


def _refusal(refusal: Refused, *, plain: bool) -> web.Response:
    if refusal.status == HTTPStatus.NOT_MODIFIED:
        return web.Response(status=refusal.status)
    if plain:
        return web.Response(status=refusal.status, text=refusal.message, content_type="text/html")
    one = {"domain": "global", "reason": refusal.reason, "message": refusal.message}
    error: dict[str, Any] = {"code": refusal.status, "message": refusal.message, "errors": [one]}
    return web.json_response({"error": error}, status=refusal.status)
