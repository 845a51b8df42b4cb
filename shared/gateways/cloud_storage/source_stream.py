"""A source's bytes on their way to an upload: counted, hashed, and stopped when they are wrong."""

from __future__ import annotations

import hashlib
import io
import os
from typing import IO

from shared.domain.errors import NotFound, SourceChanged


class SourceStream(io.RawIOBase):
    """Hands ``content`` on once, from front to back, and vouches for its length.

    google-genai wants a seekable file to measure, and sends what it reads: from a source that
    ends early it would post empty chunks for ever, and one that has grown it would send whole.
    So seeking is only pretended, to answer the question of the size, and a read that finds
    another length than ``size`` raises ``SourceChanged`` before the last chunk leaves.
    No more than the chunk being read is held in memory.
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
        """Lower-case hex of the bytes read so far."""
        return self._digest.hexdigest()

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True, as far as measuring goes."""
        return True

    def tell(self) -> int:
        """The pretended position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move the pretended position: the start, where reading is, or the end."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position}.get(
            whence, self._size
        )
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Exactly ``size`` bytes, or what is left of the declared length.

        Raises:
            SourceChanged: ``content`` is gone, or is shorter or longer than declared.
        """
        if self._position != self._sent:
            raise io.UnsupportedOperation("a source is read once, from front to back")
        left = self._size - self._sent
        chunk = self._take(left if size < 0 else min(size, left))
        self._sent += len(chunk)
        self._position = self._sent
        self._digest.update(chunk)
        if self._sent == self._size and self._take(1):
            raise SourceChanged(f"the source is longer than {self._size} bytes")
        return chunk

    def _take(self, wanted: int) -> bytes:
        """``wanted`` bytes (a short read is not an end), or all there are past the end."""
        taken = bytearray()
        while len(taken) < wanted:
            try:
                piece = self._content.read(wanted - len(taken))
            except NotFound as error:
                raise SourceChanged("the source is gone") from error
            if not piece:
                break
            taken += piece
        if len(taken) < wanted and self._sent + len(taken) < self._size:
            raise SourceChanged(
                f"the source ends after {self._sent + len(taken)} of {self._size} bytes"
            )
        return bytes(taken)
