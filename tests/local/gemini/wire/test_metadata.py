from __future__ import annotations

from typing import Any

import pytest

from local.gemini.wire.errors import ApiError
from local.gemini.wire.metadata import check_chunking, parse_metadata
from local.gemini.wire.metadata_filter import parse_filter

METADATA: list[dict[str, Any]] = [
    {"key": "author", "stringValue": "Robert Graves"},
    {"key": "year", "numericValue": 1934.0},
    {"key": "tags", "stringListValue": {"values": ["rome", "novel"]}},
]


def test_twenty_entries_of_256_characters_are_taken_and_written_as_they_came() -> None:
    entries: list[dict[str, Any]] = [
        {"key": f"k{n}", "stringValue": "é" * 256} for n in range(17)
    ] + METADATA
    assert parse_metadata(entries) == entries


@pytest.mark.parametrize(
    "entries",
    [
        [{"key": f"k{n}", "stringValue": ""} for n in range(21)],
        [{"key": "k", "stringValue": "x" * 257}],
        [{"key": "k", "stringListValue": {"values": ["x" * 257]}}],
        [{"key": "k", "stringListValue": ["x"]}],
        [{"key": "k"}],
        [{"key": "", "stringValue": "x"}],
        [{"stringValue": "x"}],
        [{"key": "k", "stringValue": "x", "numericValue": 1}],
        [{"key": "k", "numericValue": "one"}],
        [{"key": "k", "numericValue": "nan"}],
        [{"key": "k", "numericValue": True}],
        [{"key": "k", "stringValue": "x", "color": "red"}],
        {"key": "k", "stringValue": "x"},
    ],
)
def test_metadata_beyond_the_limits_is_refused(entries: object) -> None:
    with pytest.raises(ApiError) as refused:
        parse_metadata(entries)
    assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(("tokens", "overlap", "fits"), [(512, 511, 1), (513, 0, 0), (20, 20, 0)])
def test_chunks_have_at_most_512_tokens_and_overlap_by_less(
    tokens: int, overlap: int, fits: int
) -> None:
    config = {"whiteSpaceConfig": {"maxTokensPerChunk": tokens, "maxOverlapTokens": overlap}}
    if fits:
        check_chunking(config)
        return
    with pytest.raises(ApiError):
        check_chunking(config)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ('author = "Robert Graves"', True),
        ("author='Robert Graves'", True),
        ('author = "Graves"', False),
        ('author != "Graves"', True),
        ("year > 1930", True),
        ("year >= 1934 AND year < 1935", True),
        ("year > 1934", False),
        ('year = "1934"', False),
        ('tags : "rome"', True),
        ("tags = novel", True),
        ('missing = "x"', False),
        ('year > 2000 OR author = "Robert Graves"', True),
        ("year > 2000 OR year > 1930 AND year < 1900", False),
        ("(year > 1930 AND year < 1900) OR year = 1934", True),
        ("NOT year > 2000", True),
    ],
)
def test_a_filter_selects_by_metadata(text: str, holds: bool) -> None:
    assert parse_filter(text)(METADATA) is holds


@pytest.mark.parametrize(
    "text", ["year", "year >", "year > 1 AND", "(year > 1", "year > 1)", "= 3", 'a = "b', "a b c"]
)
def test_a_filter_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        parse_filter(text)
    assert refused.value.code == 400


@pytest.mark.parametrize(("text", "number"), [("12", 12.0), ("-1.5e3", -1500.0)])
def test_a_number_may_come_as_text(text: str, number: float) -> None:
    entry = {"key": "k", "numericValue": text}
    assert parse_metadata([entry]) == [{"key": "k", "numericValue": number}]
