"""The content of objects on its way out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import IO

from aiohttp import web
from multidict import CIMultiDict

from local.cloud_storage.api.buckets import Buckets
from local.cloud_storage.api.call import Call, Route
from local.cloud_storage.api.objects import ONE, Objects
from local.cloud_storage.objects.gzip_stream import GzipStream
from local.cloud_storage.objects.preconditions import check
from local.cloud_storage.objects.ranges import asked_range
from local.cloud_storage.objects.stored_object import StoredObject
from local.cloud_storage.storage.content import CHUNK
from local.cloud_storage.storage.state_folder import StateFolder

_FROM_FACTS = {
    "contentEncoding": "Content-Encoding",
    "contentDisposition": "Content-Disposition",
    "contentLanguage": "Content-Language",
    "cacheControl": "Cache-Control",
}
_HASHES = (("crc32c", "crc32c"), ("md5", "md5Hash"))


class Downloads:
    """Handlers of reads of content.

    Args:
        state: Keeps the content.
        buckets: Know who may read.
        objects: Find the object, and answer if its content isn't asked for.
    """

    def __init__(self, state: StateFolder, buckets: Buckets, objects: Objects) -> None:
        self._state = state
        self._buckets = buckets
        self._objects = objects

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("GET", f"/download{ONE}", self._read, plain=True),
            Route("GET", ONE, self._read, plain=True),
        ]

    async def _read(self, call: Call) -> web.StreamResponse:
        if call.query.get("alt") != "media":
            return await self._objects.get(call)
        stored = self._objects.live(call)
        check(call.query, stored.version, reading=True)
        self._buckets.used(call, stored.bucket).check_read(stored, call.key_sha256)
        headers = _headers(stored)
        with self._state.open(stored) as file:
            if _must_unpack(call, stored) and _is_packed(file):
                del headers["Content-Encoding"]
                headers["Warning"] = "214 UploadServer gunzipped"
                return await _send(call, HTTPStatus.OK, headers, _unpacked(file))
            asked = asked_range(call.request.headers.get("Range", ""), stored.size)
            span = range(stored.size) if asked is None else asked
            headers["Content-Length"] = str(len(span))
            if asked is None:
                return await _send(call, HTTPStatus.OK, headers, _stored(file, span))
            headers["Content-Range"] = f"bytes {span[0]}-{span[-1]}/{stored.size}"
            return await _send(call, HTTPStatus.PARTIAL_CONTENT, headers, _stored(file, span))


def _headers(stored: StoredObject) -> CIMultiDict[str]:
    facts = stored.facts
    headers = CIMultiDict(
        {
            "Accept-Ranges": "bytes",
            "Content-Type": facts.get("contentType", "application/octet-stream"),
            "ETag": stored.etag,
            "X-Goog-Generation": str(stored.generation),
            "X-Goog-Metageneration": str(stored.metageneration),
            "X-Goog-Stored-Content-Encoding": facts.get("contentEncoding", "identity"),
            "X-Goog-Stored-Content-Length": str(stored.size),
        }
    )
    for name, header in _FROM_FACTS.items():
        if name in facts:
            headers[header] = facts[name]
    hashes = [f"{name}={facts[key]}" for name, key in _HASHES if key in facts]
    headers["X-Goog-Hash"] = ",".join(hashes)
    return headers


def _must_unpack(call: Call, stored: StoredObject) -> bool:
    """Whether the client doesn't accept the content as it is stored.

    https://cloud.google.com/storage/docs/transcoding
    """
    return (
        stored.facts.get("contentEncoding") == "gzip"
        and "gzip" not in call.request.headers.get("Accept-Encoding", "")
        and "no-transform" not in stored.facts.get("cacheControl", "")
    )


def _is_packed(file: IO[bytes]) -> bool:
    try:
        next(GzipStream().unpack(file.read(CHUNK)), None)
    except zlib.error:
        return False
    finally:
        file.seek(0)
    return True


def _unpacked(file: IO[bytes]) -> Iterator[bytes]:
    stream = GzipStream()
    while piece := file.read(CHUNK):
        yield from stream.unpack(piece)


def _stored(file: IO[bytes], span: range) -> Iterator[bytes]:
    file.seek(span.start)
    left = len(span)
    while piece := file.read(min(CHUNK, left)):
        left -= len(piece)
        yield piece


async def _send(
    call: Call, status: HTTPStatus, headers: CIMultiDict[str], pieces: Iterator[bytes]
) -> web.StreamResponse:
    """Send the pieces; if that fails, cut the connection, so that they don't look complete."""
    reply = web.StreamResponse(status=status, headers=headers)
    await reply.prepare(call.request)
    try:
        for piece in pieces:
            await reply.write(piece)
        await reply.write_eof()
    except (OSError, zlib.error):
        if call.request.transport is not None:
            call.request.transport.abort()
    return reply
