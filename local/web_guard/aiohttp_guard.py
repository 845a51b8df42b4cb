"""The guard of servers made with aiohttp."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from local.web_guard.rules import REFUSED, refusal

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware


def guard(is_admin: Callable[[str], bool]) -> Middleware:
    """Return a middleware that answers 403 to what a web page may have sent.

    Args:
        is_admin: Whether a path changes the server itself.
    """

    @web.middleware
    async def refuse_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
        why = refusal(
            request.method,
            lambda name: request.headers.getall(name, ()),
            is_admin=is_admin(request.path),
        )
        if why is not None:
            return web.json_response({"error": why}, status=REFUSED)
        return await handler(request)

    return refuse_pages
