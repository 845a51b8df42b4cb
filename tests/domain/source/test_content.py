"""What contradicts its name is not sent; what is right in an unusual form is."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.source.content import Content, content_of, declared_content, wide_encoding
from shared.domain.source.eligibility import Accepted, Skipped, SkipReason, sniff
from shared.domain.source.media_types import media_type_of

TEXT = "Name,Größe,Wert\r\nMüller,12,größer\r\n" * 20
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512)
ZIP = b"PK\x03\x04\x14\x00\x08\x08\x08\x00" + b"[Content_Types].xml" + bytes(30)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
TRANSPORT = (b"G@\x11\x10" + b"\xff" * 184) * 21
PLIST = b"bplist00\xd1\x01\x02Ttitl"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def found(name: str, head: bytes) -> Content | None:
    return content_of(media_type_of(name) or "text/plain", head)


def same(name: str) -> Content:
    return Content(media_type_of(name) or "")


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("video.ts", TRANSPORT),
        ("video.mts", b"\x01\x02\x03\x04" + (b"G@\x11\x10" + b"\xff" * 188) * 21),
        ("video.ts", TRANSPORT[:1000]),
        ("Info.plist", PLIST),
        ("Localizable.strings", PLIST),
        ("page.pdf", HTML),
        ("text.pdf", b"nothing but text"),
        ("pointer.pdf", POINTER),
        ("pointer.docx", POINTER),
        ("pointer.md", POINTER),
        ("pointer.doc", POINTER),
        ("archive.txt", ZIP),
        ("letter.md", OLE),
        ("picture.md", PNG),
        ("photo.txt", b"\xff\xd8\xff\xe0 no nul here"),
        ("packed.csv", b"\x1f\x8b\x08 no nul here"),
        ("packed.md", b"\x28\xb5\x2f\xfd no nul here"),
        ("paper.txt", b"%PDF-1.7\n%\xe2\xe3"),
        ("nul.md", b"text, and then\x00a NUL"),
        ("nuls.log", b"text" + bytes(100)),
        ("text.docx", b"just text"),
        ("old.docx", OLE),
        ("page.xlsx", HTML),
        ("text.zip", b"just text"),
        ("text.hwp", b"just text"),
        ("picture.doc", PNG),
        ("paper.doc", b"%PDF-1.7\n"),
        ("broken.csv", codecs.BOM_UTF16_LE + b"\x00\xd8a\x00"),
    ],
)
def test_what_contradicts_its_name_is_not_sent(name: str, head: bytes) -> None:
    assert found(name, head) is None


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.ts", b"const answer: number = 42;\n"),
        ("a.ts", b"GGG" + b"Good text that begins with a G\n" * 100),
        ("a.pdf", b"%PDF-1.7\n"),
        ("a.pdf", b"junk before it\n" * 60 + b"%PDF-1.4\n"),
        ("a.doc", OLE),
        ("a.doc", b"\xdb\xa5\x2d\x00"),
        ("a.xls", OLE),
        ("a.xls", b"\x09\x08\x10\x00"),
        ("a.docx", ZIP),
        ("a.odt", b"PK\x05\x06"),
        ("a.zip", ZIP),
        ("a.hwp", OLE),
        ("a.hwp", ZIP),
        ("a.plist", b'<?xml version="1.0" encoding="UTF-8"?>\n<plist/>'),
        ("a.md", codecs.BOM_UTF8 + TEXT.encode()),
        ("a.csv", TEXT.encode("latin-1")),
        ("a.csv", "“curly” €".encode("cp1252")),
        ("a.txt", "日本語のテキスト。\r\n".encode("shift-jis")),
        ("a.txt", "日本語のテキスト。\r\n".encode("iso-2022-jp")),
        ("a.txt", "中文文本。\r\n".encode("gb18030")),
        ("a.txt", "Русский текст".encode("koi8-r")),
        ("a.log", b"\x1b[31mred\x1b[0m\r\n"),
        ("a.hl7", b"\x0bMSH|^~\\&|\r\x1c\r"),
        ("a.md", HTML),
        ("a.rtf", b"{\\rtf1\\ansi"),
        ("a.md", b"x"),
        ("a.md", b"version https://git-lfs.github.com/spec/v1 is the first line of a pointer\n"),
    ],
)
def test_what_is_right_is_sent_as_it_is(name: str, head: bytes) -> None:
    assert found(name, head) == same(name)


@pytest.mark.parametrize(
    ("name", "head", "media_type"),
    [
        ("a.doc", b"{\\rtf1\\ansi", "text/rtf"),
        ("a.doc", ZIP, DOCX),
        ("a.xls", ZIP, XLSX),
        ("a.doc", b"\r\n<html xmlns:w='urn:x'>", "text/html"),
        ("a.xls", b"<table><tr><td>1</td></tr></table>", "text/html"),
        ("a.xls", b"<?xml version='1.0'?><Workbook/>", "application/xml"),
        ("a.xls", b"Name\tValue\r\n", "text/plain"),
    ],
)
def test_what_office_writes_under_old_names_is_sent_as_what_it_is(
    name: str, head: bytes, media_type: str
) -> None:
    assert found(name, head) == Content(media_type)


TEXTS = (
    TEXT,
    "Straße, Käse, 12\n" * 4,
    "Привет, мир.\nКак дела?\n",
    "日本語のテキスト。\n改行あり 12\n",
    '"key" = "value 🦉";\n',
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", ["a.csv", "a.strings", "a.md", "README"])
@pytest.mark.parametrize(
    ("encoding", "mark", "told"),
    [
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("utf-32-le", codecs.BOM_UTF32_LE, "utf-32"),
        ("utf-32-be", codecs.BOM_UTF32_BE, "utf-32"),
    ],
)
def test_wide_text_is_converted(
    name: str, text: str, encoding: str, mark: bytes, told: str
) -> None:
    head = mark + text.encode(encoding)
    assert found(name, head) == Content(media_type_of(name) or "text/plain", told)
    assert found(name, head[:-1]) == Content(media_type_of(name) or "text/plain", told), "cut off"


def test_a_mark_allows_characters_of_private_use() -> None:
    assert wide_encoding(codecs.BOM_UTF16_LE + "\uf8ff".encode("utf-16-le")) == "utf-16"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=300))
def test_utf_8_without_a_nul_is_never_taken_for_another_encoding(text: str) -> None:
    assert wide_encoding(text.encode()) is None


@given(st.binary(min_size=200, max_size=400))
def test_bytes_at_random_are_no_wide_text(head: bytes) -> None:
    if not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        assert wide_encoding(bytes(range(256)) + head) is None


@pytest.mark.parametrize(
    ("declared", "head", "wanted"),
    [
        ("application/pdf", b"%PDF-1.7\n\x00", "application/pdf"),
        ("Application/PDF; charset=binary", b"%PDF-1.7\n\x00", "application/pdf"),
        (DOCX, ZIP, DOCX),
        ("application/msword", OLE, "application/msword"),
        ("text/html; charset=utf-8", HTML, "text/html"),
        ("text/markdown", b"# Title\n", "text/markdown"),
        ("text/plain", b"# Title\n", "text/plain"),
        ("application/octet-stream", b"# Title\n", "text/plain"),
        ("application/x-sh", b"#!/bin/sh\n", "text/plain"),
        ("application/pdf", b"just text", "text/plain"),
        ("", b"just text", "text/plain"),
    ],
)
def test_without_an_extension_the_declared_type_holds_where_the_bytes_agree(
    declared: str, head: bytes, wanted: str
) -> None:
    assert sniff(head, complete=True, declared=declared) == Accepted(wanted)


@pytest.mark.parametrize(
    ("declared", "head", "reason"),
    [
        ("application/pdf", PNG, SkipReason.PICTURE_IN_TEXT_STORE),
        ("text/plain", b"%PDF-1.7\n\x00", SkipReason.BINARY_CONTENT),
        ("text/plain", POINTER, SkipReason.CONTRADICTS_NAME),
        ("application/pdf", POINTER, SkipReason.CONTRADICTS_NAME),
        ("text/html", "Größe".encode("latin-1"), SkipReason.BINARY_CONTENT),
    ],
)
def test_without_an_extension_what_is_no_text_is_skipped(
    declared: str, head: bytes, reason: SkipReason
) -> None:
    assert sniff(head, complete=True, declared=declared) == Skipped(reason)


def test_no_type_of_its_own_is_declared_by_text_plain() -> None:
    assert declared_content("text/plain", b"text") is None
