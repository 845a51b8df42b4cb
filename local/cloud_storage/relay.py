"""Passes requests on to a server and its answers back, holding no body in memory."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

LINE_BYTES = 64 * 1024
"""Longest request line or header. A listing's parameters are up to four object names, of which each
has up to 1,024 bytes, percent-encoded three times as long."""

_CHUNK = 256 * 1024

_SCHEME = "X-Forwarded-Proto"
"""The scheme by which clients come, for the URLs in answers."""

_OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"}
    | {"te", "trailer", "transfer-encoding", "upgrade"}  # RFC 9110, section 7.6.1
    | {"expect"}  # answered here
)


class Relay:
    """The handler of an aiohttp server. It must be created in a running event loop.

    Args:
        to: Base URL of the server.
        fingerprint: The SHA-256 hash of the server's certificate.
    """

    def __init__(self, to: str, fingerprint: bytes) -> None:
        self._to = to
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0, ssl=aiohttp.Fingerprint(fingerprint)),
            cookie_jar=aiohttp.DummyCookieJar(),
            max_field_size=LINE_BYTES,
            max_line_size=LINE_BYTES,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(),
        )

    async def close(self) -> None:
        """Close all connections to the server."""
        await self._session.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer with the server's answer, or with 502 if there is none."""
        if not request.raw_path.startswith("/"):  # else it would be taken for a part of the host
            return web.json_response({"error": "not a path"}, status=HTTPStatus.BAD_REQUEST)
        headers = _passed_on(request.headers)
        headers[_SCHEME] = "http"
        reply: web.StreamResponse | None = None
        try:
            async with self._session.request(
                request.method,
                URL(self._to + request.raw_path, encoded=True),
                headers=headers,
                data=request.content if request.body_exists else None,
                allow_redirects=False,
            ) as answer:
                reply = web.StreamResponse(
                    status=answer.status, reason=answer.reason, headers=_passed_on(answer.headers)
                )
                await reply.prepare(request)
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    await reply.write(chunk)
                await reply.write_eof()
        except (aiohttp.ClientError, ConnectionError) as error:
            if reply is None:
                why = f"no answer from the server: {type(error).__name__}"
                return web.json_response({"error": why}, status=HTTPStatus.BAD_GATEWAY)
            if request.transport is not None:
                request.transport.abort()  # a body cut short must not look complete
        return reply


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers without those that concern only one connection."""
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in _OF_THE_CONNECTION
    )
