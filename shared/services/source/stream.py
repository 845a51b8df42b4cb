"""Streams over blocks of bytes, of which only a few are in memory."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

BLOCK = 1 << 16
"""Bytes of one read."""

_XML_ENCODING = re.compile(r"""(<\?xml[^>]*?\bencoding\s*=\s*["'])[^"']*""")


def blocks(content: IO[bytes]) -> Iterator[bytes]:
    """What is left of the stream, block by block."""
    return iter(lambda: content.read(BLOCK), b"")


def stream(source: Iterable[bytes]) -> IO[bytes]:
    """A stream of these blocks; errors of the source come from its reads."""
    return io.BufferedReader(_Blocks(iter(source)), BLOCK)


def as_utf8(source: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The text converted to UTF-8, without a byte order mark; XML declares UTF-8 then.

    Raises:
        UnicodeDecodeError: it is no text in this encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    is_start = True
    for block in source:
        text = decoder.decode(block)
        if is_start:
            text = _XML_ENCODING.sub(r"\1UTF-8", text, count=1) if "<?xml" in text[:8] else text
            is_start = False
        yield text.encode()
    yield decoder.decode(b"", final=True).encode()


class _Blocks(io.RawIOBase):
    def __init__(self, source: Iterator[bytes]) -> None:
        super().__init__()
        self._source = source
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer).cast("B")
        while not self._rest:
            block = next(self._source, None)
            if block is None:
                return 0
            self._rest = block
        taken, self._rest = self._rest[: len(target)], self._rest[len(target) :]
        target[: len(taken)] = taken
        return len(taken)
