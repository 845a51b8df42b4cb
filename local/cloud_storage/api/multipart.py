"""The body of a multipart upload: a description and the content, as two parts of a message."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from local.cloud_storage.api.call import MAX_JSON
from local.cloud_storage.refusals import invalid

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^";\s]{1,70}))')
_TYPE = re.compile(rb"^content-type:\s*(\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)


class Multipart:
    """Reads the parts one after the other, from a stream. Lines end in LF or in CR LF.

    Args:
        content_type: The message's type, which names the boundary between parts.
        chunks: The message.

    Raises:
        Refused: There is no boundary; the methods raise it if the message is not as expected.
    """

    def __init__(self, content_type: str, chunks: AsyncIterator[bytes]) -> None:
        match = _BOUNDARY.search(content_type)
        if match is None:
            raise invalid("A multipart upload needs a boundary.")
        self._boundary = b"--" + (match[1] or match[2]).encode()
        self._line_end = b"\r\n"
        self._chunks = chunks
        self._buffer = b""

    async def description(self) -> bytes:
        """The first part."""
        line = await self._until(b"\n")
        if line.rstrip(b"\r") != self._boundary:
            raise invalid("A multipart upload begins with a boundary.")
        self._line_end = line[len(self._boundary) :] + b"\n"
        await self._head()
        text = await self._until(self._line_end + self._boundary)
        await self._until(self._line_end)
        return text

    async def media_type(self) -> str | None:
        """The type of the second part."""
        match = _TYPE.search(await self._head())
        return None if match is None else match[1].decode(errors="replace")

    async def content(self) -> AsyncIterator[bytes]:
        """The second part, which must be the last one."""
        mark = self._line_end + self._boundary + b"--"
        while (at := self._buffer.find(mark)) < 0:
            if len(self._buffer) > len(mark):
                yield self._buffer[: -len(mark)]
                self._buffer = self._buffer[-len(mark) :]
            await self._fill()
        yield self._buffer[:at]
        async for _ in self._chunks:
            pass  # nothing of the message must be left in the connection

    async def _head(self) -> bytes:
        """The headers of a part, which may have none."""
        lines = []
        while line := (await self._until(self._line_end)):
            lines.append(line)
        return b"\n".join(lines)

    async def _until(self, mark: bytes) -> bytes:
        while (at := self._buffer.find(mark)) < 0:
            if len(self._buffer) > MAX_JSON:
                raise invalid("The description is too large.")
            await self._fill()
        found, self._buffer = self._buffer[:at], self._buffer[at + len(mark) :]
        return found

    async def _fill(self) -> None:
        chunk = await anext(self._chunks, b"")
        if not chunk:
            raise invalid("A multipart upload ends with a boundary.")
        self._buffer += chunk
