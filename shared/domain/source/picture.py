"""Pictures: what their first bytes tell of their format and size.

Source of what is accepted: the File Search documentation says that a store made with
gemini-embedding-2 indexes PNG and JPEG of up to 4K x 4K pixels; audio and video are not supported.
"""

from __future__ import annotations

from typing import Final

PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
PICTURES: Final = frozenset({PNG, JPEG})

MAX_SIDE: Final = 4096
"""Most pixels of a side: "4K" in the documentation, read as 4,096."""

HEAD: Final = 262_144
"""Number of first bytes in which the size of a JPEG is looked for: previews and colour profiles may
stand before it, of up to 64 KiB each."""

_MULTIMODAL = frozenset({"gemini-embedding-2", "gemini-embedding-2-preview"})
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = slice(12, 16)
_JPEG_START = b"\xff\xd8\xff"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # tables, and a reserved marker
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a segment
_SCAN = 0xDA
_MARKER = 0xFF
_SHORTEST_SEGMENT = 2


def takes_pictures(embedding_model: str) -> bool:
    """Whether a store made with this embedding model indexes pictures; "" is the default model."""
    return embedding_model.removeprefix("models/") in _MULTIMODAL


def picture_type(head: bytes) -> str | None:
    """The media type of the picture that begins so; None if it is none that can be indexed."""
    if head.startswith(_PNG_START):
        return PNG
    return JPEG if head.startswith(_JPEG_START) else None


def has_too_many_pixels(head: bytes) -> bool:
    """Whether a side has more than ``MAX_SIDE`` pixels; False where the head doesn't tell."""
    size = pixels(head)
    return size is not None and max(size) > MAX_SIDE


def pixels(head: bytes) -> tuple[int, int] | None:
    """Width and height of a picture, from its first bytes; None if they don't tell."""
    if head.startswith(_PNG_START):
        if head[_PNG_HEADER] != b"IHDR":
            return None
        sides = head[16:20], head[20:24]
        return (int.from_bytes(sides[0]), int.from_bytes(sides[1])) if len(sides[1]) > 3 else None  # noqa: PLR2004 - bytes
    return _jpeg_pixels(head) if head.startswith(_JPEG_START) else None


def _jpeg_pixels(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == _MARKER:
        marker = head[at + 1]
        if marker == _MARKER:  # padding
            at += 1
            continue
        if marker in _BARE:
            at += 2
            continue
        if marker in _FRAMES:
            return int.from_bytes(head[at + 7 : at + 9]), int.from_bytes(head[at + 5 : at + 7])
        length = int.from_bytes(head[at + 2 : at + 4])
        if marker == _SCAN or length < _SHORTEST_SEGMENT:
            return None
        at += 2 + length
    return None
