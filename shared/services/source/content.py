"""The content of an object as it is indexed: gzip is decoded while it streams."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from shared.domain.errors import NotIndexable
from shared.domain.source.content_encoding import GZIP_MAGIC, Gunzip, Packing, packing_of
from shared.domain.source.eligibility import SkipReason
from shared.gateways.ports import Bucket

if TYPE_CHECKING:
    from typing_extensions import Buffer

READ_SIZE = 1 << 20
"""Decoded bytes in memory at a time."""

PACKED_SIZE = 1 << 14
"""Packed bytes in memory at a time. Few, since each member of a file copies those after it."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Size in bytes and SHA-256 (lower-case hex) of a content."""

    size: int
    sha256: str


def open_content(bucket: Bucket, name: str, generation: int, content_encoding: str) -> IO[bytes]:
    """A stream of exactly this generation, decoded if it is declared as gzip and is gzip.

    A declared gzip whose bytes are none is read as it is.

    Raises:
        NotFound: The generation is gone; later reads of the stream may raise this too.
        NotIndexable: By a later read of the stream: the packed bytes are corrupt.
    """
    return decoded(bucket.open(name, generation), content_encoding)


def decoded(stored: IO[bytes], content_encoding: str) -> IO[bytes]:
    """What the stored bytes decode to; they are read and closed with the stream returned."""
    if packing_of(content_encoding) is not Packing.GZIP:
        return stored
    return io.BufferedReader(_Decoded(stored), READ_SIZE)


def measured(content: IO[bytes], most: int) -> Measure:
    """Size and hash of a content, read to its end but not beyond ``most`` bytes.

    Raises:
        NotIndexable: It is empty, larger, or corrupt.
        GatewayError: It can't be read.
    """
    digest, size = hashlib.sha256(), 0
    while block := content.read(READ_SIZE):
        digest.update(block)
        size += len(block)
        if size > most:
            raise NotIndexable(SkipReason.TOO_LARGE)
    if not size:
        raise NotIndexable(SkipReason.EMPTY)
    return Measure(size, digest.hexdigest())


class _Decoded(io.RawIOBase):
    """Reads what ``stored`` holds, and decodes it if it begins as gzip does."""

    def __init__(self, stored: IO[bytes]) -> None:
        super().__init__()
        self._stored = stored
        self._start = stored.read(len(GZIP_MAGIC))
        self._gunzip = Gunzip() if self._start == GZIP_MAGIC else None
        if self._gunzip:
            self._gunzip.feed(self._start)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._stored.close()
        super().close()

    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer).cast("B")
        piece = self._piece(len(target))
        target[: len(piece)] = piece
        return len(piece)

    def _piece(self, most: int) -> bytes:
        if self._gunzip is None:
            piece = self._start[:most] or self._stored.read(most)
            self._start = self._start[most:]
            return piece
        try:
            while not (piece := self._gunzip.decode(most)):
                packed = self._stored.read(PACKED_SIZE)
                if not packed:
                    break
                self._gunzip.feed(packed)
        except ValueError as error:
            raise NotIndexable(SkipReason.ENCODED_CONTENT) from error
        if not piece and not self._gunzip.may_end:
            raise NotIndexable(SkipReason.ENCODED_CONTENT)
        return piece
