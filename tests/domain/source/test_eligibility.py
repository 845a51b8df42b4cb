from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.source.content_encoding import Packing
from shared.domain.source.eligibility import (
    MAX_DOCUMENT_SIZE,
    Accepted,
    NeedsSniff,
    Sidecar,
    Skipped,
    SkipReason,
    is_odd_name,
    preflight,
    sniff,
)
from shared.domain.source.path_glob import PathGlob
from shared.domain.source.sidecar_name import MAX_SIDECAR_SIZE

PLAIN = Accepted("text/plain")
BINARY = Skipped(SkipReason.BINARY_CONTENT)


def test_a_supported_file_is_accepted_with_its_type() -> None:
    assert preflight("a/b.md", 10) == Accepted("text/markdown")


def test_a_file_without_a_telling_name_needs_a_look() -> None:
    assert preflight("LICENSE", 10) == NeedsSniff()
    assert preflight("data.xyz", 10) == NeedsSniff()


@pytest.mark.parametrize(
    ("path", "size", "reason"),
    [
        ("a.md", 0, SkipReason.EMPTY),
        ("a.png", 0, SkipReason.EMPTY),
        ("a.md", MAX_DOCUMENT_SIZE + 1, SkipReason.TOO_LARGE),
        ("a.png", 10, SkipReason.PICTURE_IN_TEXT_STORE),
        ("a.gif", 10, SkipReason.UNSUPPORTED_TYPE),
        ("folder/", 0, SkipReason.ODD_NAME),
    ],
)
def test_a_file_not_worth_a_request_is_skipped(path: str, size: int, reason: SkipReason) -> None:
    assert preflight(path, size) == Skipped(reason)


def test_the_greatest_size_is_still_accepted() -> None:
    assert preflight("a.md", MAX_DOCUMENT_SIZE) == Accepted("text/markdown")
    assert preflight("a.md", 10, max_size=10) == Accepted("text/markdown")
    assert preflight("a.md", 11, max_size=10) == Skipped(SkipReason.TOO_LARGE)


@pytest.mark.parametrize(
    "path", ["", "a/", "a/../b.md", "./a.md", "..", "a\nb.md", "a\0.md", "a\x7f.md", "a\ud800.md"]
)
def test_a_name_people_and_tools_trip_over_is_odd(path: str) -> None:
    assert is_odd_name(path)
    assert preflight(path, 10) == Skipped(SkipReason.ODD_NAME)


@pytest.mark.parametrize(
    "path",
    [
        "a//b.md",
        "/a.md",
        ".hidden/.env.md",
        "...md",
        " a .md",
        "日本語/第1週 俳句.md",
        "عربي.md",
        "Cafe\u0301.md",
        "🧪👩‍🔬.md",
        "a#b?c%20d&e.md",
        "x" * 1000 + ".md",
    ],
)
def test_any_other_name_is_ordinary(path: str) -> None:
    assert preflight(path, 10) == Accepted("text/markdown")


def test_patterns_choose_and_exclusion_is_stronger() -> None:
    include, exclude = [PathGlob.parse("**/*.md")], [PathGlob.parse("drafts/**")]

    def outcome(path: str) -> object:
        return preflight(path, 10, include=include, exclude=exclude)

    assert outcome("a/b.md") == Accepted("text/markdown")
    assert outcome("a/b.txt") == Skipped(SkipReason.EXCLUDED)
    assert outcome("drafts/b.md") == Skipped(SkipReason.EXCLUDED)


def test_a_sidecar_is_the_metadata_of_its_base_and_no_document() -> None:
    assert preflight("a/b.md.meta.json", 10) == Sidecar("a/b.md")
    assert preflight("a/b.md.meta.json", 0) == Sidecar("a/b.md")
    assert preflight("a/.meta.json", 10) == Accepted("application/json")


def test_a_sidecar_shares_the_fate_of_its_base() -> None:
    include = [PathGlob.parse("**/*.md")]

    assert preflight("a/b.md.meta.json", 10, include=include) == Sidecar("a/b.md")
    assert preflight("a/b.txt.meta.json", 10, include=include) == Skipped(SkipReason.EXCLUDED)


def test_a_sidecar_too_large_to_read_at_once_is_skipped() -> None:
    assert preflight("a.md.meta.json", MAX_SIDECAR_SIZE) == Sidecar("a.md")
    assert preflight("a.md.meta.json", MAX_SIDECAR_SIZE + 1) == Skipped(SkipReason.TOO_LARGE)


@pytest.mark.parametrize(
    "head",
    [
        b"plain words\n",
        "Zażółć gęślą jaźń, 日本語, عربي, 🧪".encode(),
        codecs.BOM_UTF8 + b"with a mark",
        "UTF-16 with a mark 日本".encode("utf-16"),
        codecs.BOM_UTF16_BE + "big end first".encode("utf-16-be"),
        b"\x1b[31mred\x1b[0m log line\r\n\tpage\f",
        b"x" * 99 + b"\x01",
    ],
)
def test_readable_text_is_plain_text(head: bytes) -> None:
    assert sniff(head, complete=True) == PLAIN


@pytest.mark.parametrize(
    "head",
    [
        b"GIF89a\x10\x00\x10\x00",
        b"a long text with a single NUL " * 9 + b"\x00",
        b"\xff\xfb\x90d mp3",
        "Grüße".encode("latin-1"),
        "no mark".encode("utf-16-le"),
        "UTF-32".encode("utf-32"),
        b"x" * 40 + b"\x01\x02",
        b"\x01",
    ],
)
def test_anything_else_is_binary(head: bytes) -> None:
    assert sniff(head, complete=True) == BINARY
    assert sniff(head, complete=False) == BINARY


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_character_cut_off_at_the_end_is_forgiven_only_where_more_follows(encoding: str) -> None:
    whole = "ab🧪".encode(encoding)

    for cut in (1, 2, 3):
        assert sniff(whole[:-cut], complete=False) == PLAIN
        assert sniff(whole[:-cut], complete=True) == BINARY


def test_nothing_is_empty() -> None:
    assert sniff(b"", complete=True) == Skipped(SkipReason.EMPTY)


@given(st.binary(max_size=200), st.booleans())
def test_a_look_never_fails(head: bytes, complete: bool) -> None:
    assert isinstance(sniff(head, complete=complete), Accepted | Skipped)


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1), st.data())
def test_text_stays_text_wherever_it_is_cut(text: str, data: st.DataObject) -> None:
    encoded = text.encode()
    cut = data.draw(st.integers(1, len(encoded)))

    assert sniff(encoded[:cut], complete=cut == len(encoded)) == PLAIN


@given(st.text(), st.integers(0, 2 * MAX_DOCUMENT_SIZE))
def test_every_name_and_size_has_an_outcome(path: str, size: int) -> None:
    assert isinstance(preflight(path, size), Accepted | NeedsSniff | Sidecar | Skipped)


@pytest.mark.parametrize(
    ("path", "size", "packing", "verdict"),
    [
        ("a.md", 10, Packing.UNKNOWN, Skipped(SkipReason.ENCODED_CONTENT)),
        ("LICENSE", 10, Packing.UNKNOWN, Skipped(SkipReason.ENCODED_CONTENT)),
        ("a.md.meta.json", 10, Packing.UNKNOWN, Skipped(SkipReason.ENCODED_CONTENT)),
        ("a.md", 0, Packing.UNKNOWN, Skipped(SkipReason.EMPTY)),
        ("a.exe", 10, Packing.UNKNOWN, Skipped(SkipReason.UNSUPPORTED_TYPE)),
        ("a.md", 10, Packing.GZIP, Accepted("text/markdown")),
        ("LICENSE", 10, Packing.GZIP, NeedsSniff()),
        ("a.md.meta.json", 10, Packing.GZIP, Sidecar("a.md")),
        ("a.md", 1100, Packing.GZIP, Accepted("text/markdown")),
        ("a.md", 1100, Packing.NONE, Skipped(SkipReason.TOO_LARGE)),
        ("a.md", 5000, Packing.GZIP, Skipped(SkipReason.TOO_LARGE)),
    ],
)
def test_packed_content_is_accepted_if_it_can_be_decoded(
    path: str, size: int, packing: Packing, verdict: object
) -> None:
    assert preflight(path, size, max_size=1000, packing=packing) == verdict
