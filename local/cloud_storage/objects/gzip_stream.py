"""Unpacks gzip as it streams."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

MOST = 256 * 1024
"""Most bytes that are unpacked at a time, however small they were packed."""

_GZIP = 16 + zlib.MAX_WBITS


class GzipStream:
    """Unpacks one or several members of gzip, one after the other.

    Attributes:
        is_whole: Whether what was unpacked so far ends with a whole member.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self.is_whole = True

    def unpack(self, packed: bytes) -> Iterator[bytes]:
        """Yield what the next bytes hold.

        Raises:
            zlib.error: They are no gzip, or damaged.
        """
        while packed:
            yield self._member.decompress(packed, MOST)
            self.is_whole = self._member.eof
            packed = self._member.unconsumed_tail
            if self._member.eof:
                packed, self._member = self._member.unused_data, zlib.decompressobj(_GZIP)
