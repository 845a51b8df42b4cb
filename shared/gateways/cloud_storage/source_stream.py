"""The stream that an upload reads: it counts and hashes the bytes, and checks their length."""

from __future__ import annotations

import hashlib
import io
import os
from typing import IO

from shared.domain.errors import NotFound, SourceChanged


class SourceStream(io.RawIOBase):
    """Reads ``content`` once, from start to end, and ensures that it has ``size`` bytes.

    google-genai seeks in a stream to measure it, then sends what it reads. If the source ended
    early, it would send empty chunks for ever; if the source had grown, it would send all of it. So
    this stream only pretends to seek, and a read that finds another length than ``size`` raises
    ``SourceChanged`` before the last chunk is sent. Only the chunk being read is in memory.
    """

    def __init__(self, content: IO[bytes], size: int) -> None:
        super().__init__()
        self._content = content
        self._size = size
        self._position = 0
        self._sent = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes read so far, as lower-case hex."""
        return self._digest.hexdigest()

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True, but ``seek`` only pretends to move."""
        return True

    def tell(self) -> int:
        """The pretended position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the pretended position, relative to the start, to itself, or to the end."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(
            whence, self._size
        )
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Exactly ``size`` bytes, or what is left of the declared length if that is less.

        Raises:
            SourceChanged: ``content`` is gone, or is shorter or longer than declared.
        """
        if self._position != self._sent:
            raise io.UnsupportedOperation("a source can only be read once, from start to end")
        left = self._size - self._sent
        chunk = self._take(left if size < 0 else min(size, left))
        self._sent += len(chunk)
        self._position = self._sent
        self._digest.update(chunk)
        if self._sent == self._size and self._take(1):
            raise SourceChanged(f"the source is longer than {self._size} bytes")
        return chunk

    def _take(self, wanted: int) -> bytes:
        """``wanted`` bytes, by several reads if need be; fewer only past the declared length.

        Raises:
            SourceChanged: ``content`` is gone, or ends before the declared length.
        """
        pieces: list[bytes] = []
        missing = wanted
        while missing:
            try:
                piece = self._content.read(missing)
            except NotFound as error:
                raise SourceChanged("the source is gone") from error
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
        at = self._sent + wanted - missing
        if missing and at < self._size:
            raise SourceChanged(f"the source ends after {at} of {self._size} bytes")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)  # one piece is not copied
