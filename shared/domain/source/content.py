"""Whether an object's first bytes agree with its media type, decided before anything is sent.

The name tells the media type, and the bytes have the last word: what is of another kind would be
paid for and found by no search. Legacy encodings of text (Latin-1, Shift-JIS) can't be told apart,
and are sent as they are; UTF-16 and UTF-32 are converted.
"""

from __future__ import annotations

import codecs
import unicodedata
from dataclasses import dataclass
from typing import Final

from shared.domain.source.media_types import EXTENSIONS, PLAIN_TEXT
from shared.domain.source.picture import HEAD, PICTURES, picture_type

LOOKED_AT: Final = 4096
"""Number of first bytes that should be given."""

_PDF_WITHIN = 1024
"""A PDF's header may follow other bytes, within the first 1,024. Source: the PDF specification."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_RTF = b"{\\rtf"
_OLD_WORD = (b"\xdb\xa5", b"\x9b\xa5", b"\x31\xbe\x00\x00")
_OLD_EXCEL = (b"\x09\x00", b"\x09\x02", b"\x09\x04", b"\x09\x08")

_WORD = "application/msword"
_EXCEL = "application/vnd.ms-excel"
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    _WORD: (_OLE, *_OLD_WORD),
    _EXCEL: (_OLE, *_OLD_EXCEL),
    f"{_OPEN_XML}presentationml.presentation": _ZIP,
    f"{_OPEN_XML}spreadsheetml.sheet": _ZIP,
    f"{_OPEN_XML}wordprocessingml.document": _ZIP,
    f"{_OPEN_XML}wordprocessingml.template": _ZIP,
    "application/vnd.oasis.opendocument.text": _ZIP,
    "application/x-hwp": (_OLE, b"HWP Document File", *_ZIP),
    "application/zip": _ZIP,
}
"""How the formats begin that are not text; a PDF is told by ``is_pdf``."""

_NO_TEXT = (
    *_ZIP, _OLE, b"%PDF-1.", b"%PDF-2.", b"bplist0", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff",
    b"GIF87a", b"GIF89a", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh91AY&SY", b"\xfd7zXZ",
    b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07",
)  # fmt: skip
"""How files begin that are no text even where no NUL is near: most binary formats have one."""

_POINTERS = (
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",
)
"""How a pointer of Git LFS begins; the content is elsewhere."""

_TEXT_CONTROLS = frozenset("\t\n\v\f\r\b\x1a\x1b\x85")

_PACKETS = (188, 192)
"""Lengths of the packets of an MPEG transport stream, each of which begins with a G."""


@dataclass(frozen=True, slots=True)
class Content:
    """What to send: as this media type, and converted to UTF-8 from ``encoding`` if it is given."""

    media_type: str
    encoding: str | None = None


def content_of(media_type: str, head: bytes) -> Content | None:
    """What to send of an object of this media type; None if its bytes are of another kind.

    Args:
        media_type: The media type that the object's name or its uploader tells.
        head: The first bytes, about ``LOOKED_AT`` of them, or all if there are fewer.
    """
    if is_pointer(head):
        return None
    if media_type == "application/pdf":
        return Content(media_type) if is_pdf(head) else None
    if media_type in PICTURES:  # many a PNG is called .jpg
        found = picture_type(head)
        return Content(found) if found else None
    if media_type not in _SIGNATURES:
        return _text(media_type, head)
    if head.startswith(_SIGNATURES[media_type]):
        return Content(media_type)
    if media_type in (_WORD, _EXCEL):
        return _office(media_type, head)
    return None


def looked_at(media_type: str) -> int:
    """How many first bytes ``content_of`` and the check of a picture's pixels should be given."""
    return HEAD if media_type in PICTURES else LOOKED_AT


def declared_content(declared: str, head: bytes) -> str | None:
    """The media type that the uploader declared, if it is one we send and the bytes agree.

    ``text/plain`` and types that say nothing count as not declared.
    """
    media_type = declared.partition(";")[0].strip().lower()
    if media_type == PLAIN_TEXT or media_type not in _SENT:
        return None
    found = content_of(media_type, head)
    return media_type if found and found.media_type == media_type else None


def is_of_signature(media_type: str) -> bool:
    """Whether the format is told by how its files begin; the others are text."""
    return media_type == "application/pdf" or media_type in _SIGNATURES


def is_pointer(head: bytes) -> bool:
    """Whether it is a pointer of Git LFS, whose content is kept elsewhere."""
    return head.startswith(_POINTERS) and b"\noid " in head


def is_pdf(head: bytes) -> bool:
    return b"%PDF-" in head[:_PDF_WITHIN]


def wide_encoding(head: bytes) -> str | None:
    """The encoding of text in UTF-16 or UTF-32; None for other content.

    Without a byte order mark it must be UTF-16 of assigned characters only, some of them ASCII.
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding if "\0" not in (_decoded(head, encoding) or "\0") else None
    if b"\0" not in head or _is_text_with_nuls(head):
        return None
    found = {each: _wide_text(head, each) for each in ("utf-16-le", "utf-16-be")}
    ascii_in = {each: sum(map(str.isascii, text)) for each, text in found.items() if text}
    best = max(ascii_in, key=ascii_in.__getitem__, default=None)
    return best if best and ascii_in[best] else None


_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, the longer ones first: that of UTF-32 begins with that of UTF-16."""

_SENT = frozenset(EXTENSIONS.values())


def _text(media_type: str, head: bytes) -> Content | None:
    encoding = wide_encoding(head)
    if encoding:
        return Content(media_type, encoding)
    if b"\0" in head or head.startswith(_NO_TEXT) or _is_transport_stream(head):
        return None
    return Content(media_type)


def _office(media_type: str, head: bytes) -> Content | None:
    """What is called like an old Office file and is none: a newer one, RTF, or an export as text.

    Office opens all of these, and programs write them on purpose.
    """
    if head.startswith(_ZIP):
        kind = "wordprocessingml.document" if media_type == _WORD else "spreadsheetml.sheet"
        return Content(f"{_OPEN_XML}{kind}")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:200].lower()
    if start.startswith(_RTF):
        return Content("text/rtf")
    if b"<html" in start or start.startswith((b"<!doctype html", b"<table")):
        return _text("text/html", head)
    return _text("application/xml" if start.startswith(b"<?xml") else PLAIN_TEXT, head)


def _is_text_with_nuls(head: bytes) -> bool:
    """Whether it is UTF-8 with a few NULs in between: UTF-16 has other control characters then."""
    text = _decoded(head.replace(b"\0", b""), "utf-8")
    has_few = head.count(b"\0") * 4 < len(head)
    return has_few and bool(text) and all(map(_is_readable, text))


def _wide_text(head: bytes, encoding: str) -> str:
    """The text in this encoding; empty if it is no readable text."""
    text = _decoded(head, encoding)
    return text if all(map(_is_readable, text)) else ""


def _decoded(head: bytes, encoding: str) -> str:
    """The text of whole characters; empty if it has none, or is no text in this encoding."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return ""


def _is_readable(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cn", "Co"} or character in _TEXT_CONTROLS


def _is_transport_stream(head: bytes) -> bool:
    """Whether each packet begins as in an MPEG transport stream; in one kind 4 bytes later."""
    for length in _PACKETS:
        starts = head[length - _PACKETS[0] :: length]
        if len(starts) > 2 and set(starts) == {ord("G")}:  # noqa: PLR2004 - chance has one G or two
            return True
    return False
