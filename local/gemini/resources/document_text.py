"""The words of a document: of text, markup, PDF, office files, and the notes inside pictures.

A simulator sees no pixels: for a picture it reads the texts that the file carries (PNG text chunks,
JPEG comments). Of a PDF it reads strings in simple encodings. What it can't read has no words.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MOST_UNPACKED = 4 * 1024 * 1024
"""Bytes read of one part of a packed document."""


@dataclass(frozen=True, slots=True)
class Page:
    """Text of a document; `number` counts from 1 in formats that have pages."""

    text: str
    number: int | None = None


def pages_of(content: bytes, mime_type: str) -> list[Page]:
    """Return the text of a document, by page where it has pages; empty if it can't be read."""
    match mime_type:
        case "application/pdf":
            texts = list(_pdf_pages(content))
            return [Page(text, number) for number, text in enumerate(texts, start=1)]
        case "image/png":
            return [Page(text) for text in _png_texts(content)]
        case "image/jpeg":
            return [Page(text) for text in _jpeg_comments(content)]
    if content.startswith(b"PK\x03\x04"):
        return list(_office_pages(content))
    if b"\0" in content:
        return []
    text = content.decode(errors="ignore")
    return [Page(_without_tags(text) if mime_type == "text/html" else text)]


_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_BREAK = re.compile(r"</(?:p|div|li|tr|h\d|title|w:p|a:p|text:p|si)\s*>|<br\b[^>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")


def _without_tags(markup: str) -> str:
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", _HIDDEN.sub("", markup))))


_PARTS = re.compile(r"word/document\.xml|xl/sharedStrings\.xml|content\.xml")
_SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml")


def _office_pages(content: bytes) -> Iterator[Page]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            slides = [(int(m[1]), m[0]) for name in archive.namelist() if (m := _SLIDE.match(name))]
            for number, name in sorted(slides):
                yield Page(_part(archive, name), number)
            for name in filter(_PARTS.fullmatch, archive.namelist()):
                yield Page(_part(archive, name))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error):
        return  # only the beginning of the document was kept, or it is packed in another way


def _part(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as part:
        return _without_tags(part.read(MOST_UNPACKED).decode(errors="ignore"))


_STREAM = re.compile(rb"<<(.*?)>>\s*stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_SHOWN = re.compile(rb"(\((?:\\.|[^\\()])*\))|(T\*|\b(?:Td|TD|ET)\b)", re.DOTALL)
_ESCAPED = re.compile(rb"\\([()\\])")


def _pdf_pages(content: bytes) -> Iterator[str]:
    for found in _STREAM.finditer(content):
        data = found[2]
        if b"FlateDecode" in found[1]:
            try:
                data = zlib.decompressobj().decompress(data, MOST_UNPACKED)
            except zlib.error:
                continue
        if b"BT" not in data:
            continue
        parts = [
            _ESCAPED.sub(rb"\1", shown[1][1:-1]) if shown[1] else b"\n"
            for shown in _SHOWN.finditer(data)
        ]
        yield b"".join(parts).decode("latin-1")


_PNG = b"\x89PNG\r\n\x1a\n"


def _png_texts(content: bytes) -> Iterator[str]:
    at = len(_PNG)
    while content.startswith(_PNG) and at + 8 <= len(content):
        length, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        data = content[at + 8 : at + 8 + length]
        at += 12 + length
        _, separator, text = data.partition(b"\0")
        if kind == b"tEXt" and separator:
            yield text.decode("latin-1")
        elif kind == b"iTXt" and text[:1] == b"\0":  # not compressed
            yield text[2:].split(b"\0", 2)[-1].decode(errors="ignore")


_NO_SEGMENT = frozenset({0x01, *range(0xD0, 0xD9)})


def _jpeg_comments(content: bytes) -> Iterator[str]:
    at = 2
    while content[:2] == b"\xff\xd8" and at + 4 <= len(content) and content[at] == 0xFF:  # noqa: PLR2004
        marker = content[at + 1]
        if marker in _NO_SEGMENT:
            at += 2
            continue
        length = int.from_bytes(content[at + 2 : at + 4])
        if marker == 0xFE:  # noqa: PLR2004 - COM
            yield content[at + 4 : at + 2 + length].decode(errors="ignore")
        if marker == 0xDA or length < 2:  # noqa: PLR2004 - SOS: pixels follow
            return
        at += 2 + length
