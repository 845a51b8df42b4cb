"""Content-Encoding: which declared encodings are decoded, and decoding gzip piece by piece.

Cloud Storage keeps the bytes as they were uploaded (``gsutil cp -z`` packs them first) and the
declared encoding beside them.
"""

from __future__ import annotations

import zlib
from enum import StrEnum
from typing import Final

GZIP_MAGIC: Final = b"\x1f\x8b"
"""First bytes of each member of a gzip file, RFC 1952."""

_NOT_CODED = frozenset({"identity", "none", "7bit", "8bit", "binary"})
_GZIP = frozenset({"gzip", "x-gzip"})  # synonyms, RFC 9110, section 8.4.1.3
_GZIP_MEMBER = 16 + zlib.MAX_WBITS  # zlib's way to ask for the gzip format


class Packing(StrEnum):
    """How an object's bytes are packed, as far as its Content-Encoding tells."""

    NONE = ""
    GZIP = "gzip"
    UNKNOWN = "unknown"


def packing_of(content_encoding: str) -> Packing:
    """The packing that a declared Content-Encoding means.

    Names that encode nothing are left out, with those of character sets, which some tools write
    there by mistake. Anything but gzip alone counts as unknown, such as ``br`` and ``gzip, gzip``.
    """
    if not content_encoding:
        return Packing.NONE
    names = [name.strip().lower() for name in content_encoding.split(",")]
    coded = [name for name in names if name and not _codes_nothing(name)]
    if not coded:
        return Packing.NONE
    return Packing.GZIP if len(coded) == 1 and coded[0] in _GZIP else Packing.UNKNOWN


def _codes_nothing(name: str) -> bool:
    if name in _NOT_CODED:
        return True
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def largest_packed(size: int) -> int:
    """A number of bytes that content of ``size`` bytes never exceeds when it is packed.

    Content that can't be compressed grows by five bytes in 16 KiB, and by the header.
    """
    return size + size // 1000 + 1024


class Gunzip:
    """Decodes gzip as it arrives. What follows the last member is ignored, as gzip itself does."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_MEMBER)
        self._packed = b""
        self._has_more = False
        self._is_between = False
        self._is_over = False

    @property
    def may_end(self) -> bool:
        """Whether the packed bytes may end here; otherwise the last member is incomplete."""
        return self._is_between or self._is_over

    def feed(self, packed: bytes) -> None:
        """Take the next packed bytes."""
        self._packed += packed

    def decode(self, most: int) -> bytes:
        """At most ``most`` bytes (one at least); empty if it takes more packed bytes, or is over.

        Raises:
            ValueError: The packed bytes are corrupt.
        """
        while not self._is_over and (self._packed or self._has_more):
            if self._is_between and not self._begins_member():
                return b""
            try:
                piece = self._member.decompress(self._packed, most)
            except zlib.error as error:
                raise ValueError(str(error)) from error
            # With all packed bytes taken, a full piece may still have left some decoded ones.
            self._has_more = len(piece) == most and not self._member.eof
            self._is_between = self._member.eof
            ended = self._member.eof
            self._packed = self._member.unused_data if ended else self._member.unconsumed_tail
            if piece:
                return piece
        return b""

    def _begins_member(self) -> bool:
        if len(self._packed) < len(GZIP_MAGIC):
            return False
        if not self._packed.startswith(GZIP_MAGIC):
            self._is_over = True
            return False
        self._member = zlib.decompressobj(_GZIP_MEMBER)
        self._is_between = False
        return True


def unpacked_head(head: bytes, *, complete: bool, most: int) -> tuple[bytes, bool]:
    """The first bytes of gzip content, decoded, and whether they are all; other bytes as they are.

    Args:
        head: The first stored bytes.
        complete: Whether ``head`` is all that is stored.
        most: The most bytes to decode.

    Raises:
        ValueError: The bytes are corrupt, or too few to decode any.
    """
    if not head.startswith(GZIP_MAGIC):
        return head, complete
    gunzip = Gunzip()
    gunzip.feed(head)
    found = bytearray()
    while len(found) < most and (piece := gunzip.decode(most - len(found))):
        found += piece
    is_all = complete and len(found) < most
    if (is_all and not gunzip.may_end) or not (found or is_all):
        raise ValueError("the packed bytes end too early")
    return bytes(found), is_all
