"""A call: what a request asks for, and answers to it."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from local.cloud_storage.objects.gzip_stream import GzipStream
from local.cloud_storage.objects.partial import masked, parse_fields
from local.cloud_storage.objects.stored_object import Json
from local.cloud_storage.refusals import invalid
from local.cloud_storage.storage.content import CHUNK

MAX_JSON = 16 * 2**20
"""Most bytes of a description."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to one of the paths.

    Attributes:
        names: The names in the path.
        query: The parameters; the last one of each name.
    """

    request: web.Request
    names: tuple[str, ...]
    query: Mapping[str, str]

    @property
    def base(self) -> str:
        """The server's URL, as the client knows it."""
        return f"http://{self.request.host}"

    @property
    def key_sha256(self) -> str | None:
        """The hash of the key that the client supplies; None without one."""
        return self.request.headers.get("X-Goog-Encryption-Key-Sha256")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, in pieces; unpacked, if it is packed for the way.

        Raises:
            Refused: It is said to be gzip and is none, or not whole.
        """
        packed = self.request.headers.get("Content-Encoding") == "gzip"
        stream = GzipStream()
        try:
            async for chunk in self.request.content.iter_chunked(CHUNK):
                for piece in stream.unpack(chunk) if packed else (chunk,):
                    yield piece
        except zlib.error as error:
            raise invalid(f"The body is no gzip: {error}") from error
        if not stream.is_whole:
            raise invalid("The body's gzip is cut.")

    async def json(self) -> Json:
        """The body as an object of JSON; without a body an empty one.

        Raises:
            Refused: It is something else, or larger than ``MAX_JSON``.
        """
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > MAX_JSON:
                raise invalid("The description is too large.")
        return parsed(bytes(body))

    def reply(self, resource: Json) -> web.Response:
        """Answer with a resource, or with those of its fields that are asked for."""
        mask = parse_fields(self.query.get("fields", ""))
        return web.json_response(masked(resource, mask))


Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """A handler and the requests that it answers.

    Attributes:
        path: A pattern of whole paths, with a group for each name.
        plain: Whether errors are answered as text, as the service does for content.
    """

    method: str
    path: str
    handle: Handler
    plain: bool = False


def parsed(text: bytes) -> Json:
    """A description in JSON; an empty one without text.

    Raises:
        Refused: It is not an object of JSON.
    """
    try:
        value: Any = json.loads(text or b"{}")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise invalid("Parse Error")
    return value
