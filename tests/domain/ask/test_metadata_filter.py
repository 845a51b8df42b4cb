from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.gemini.wire.errors import ApiError
from local.gemini.wire.metadata_filter import parse_filter
from shared.domain.ask.metadata_filter import (
    MAX_DEPTH,
    MAX_LENGTH,
    InvalidFilter,
    MetadataFilter,
)

OURS = "0f1e2d3c4b5a6978"


def sent(text: str) -> str:
    return MetadataFilter.parse(text).of_owner(OURS)


@pytest.mark.parametrize("text", ["", "  \t\n"])
def test_without_a_filter_the_owner_alone_is_asked_for(text: str) -> None:
    assert sent(text) == f'owner="{OURS}"'


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("year=2025", "year=2025"),
        ("year = 2025", "year=2025"),
        ('year>=2024 AND category = "x"', 'year>=2024 AND category="x"'),
        ("a != -2.5e3", "a!=-2.5e3"),
        ("tags:chemistry", 'tags:"chemistry"'),
        ("author.name = 'Ida \"I.\"'", "author.name='Ida \"I.\"'"),
        ("a=1 AND b=2 OR c=3", "a=1 AND (b=2 OR c=3)"),
        ("(a=1 AND b=2) OR c=3", "(a=1 AND b=2) OR c=3"),
        ("NOT (a=1 OR b=2)", "NOT (a=1 OR b=2)"),
        ("NOT NOT ((a=1))", "NOT NOT a=1"),
        ('a=") OR owner=("', 'a=") OR owner=("'),
        ("a='AND'", 'a="AND"'),
        ("day=2025-01-14", 'day="2025-01-14"'),
    ],
)
def test_a_filter_is_written_anew_beside_the_owner(text: str, written: str) -> None:
    assert sent(text) == f'owner="{OURS}" AND ({written})'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('year=2025) OR (owner="other"', "at character 10: ')' closes a parenthesis that was not"),
        ("a=1 ) OR ( b=2", "at character 5: ')' closes a parenthesis that was not opened"),
        ('a="x', "at character 3: the quotation is never closed"),
        (r'a="x\" OR b="y"', "backslash"),
        ('a="x\x00"', "control character"),
        ("(a=1", "at character 1: '(' is never closed"),
        ("(a=1 b=2)", "at character 6: 'b' AND or OR is missing before it"),
        ("a=1 b=2", "at character 5: 'b' AND or OR is missing before it"),
        ("a=1 AND", "ends where a comparison is expected"),
        ("a", "ends where one of ="),
        ("a=", "ends where a value is expected"),
        ("a=AND", "'AND' is no value"),
        ("a=(1)", "'(' is no value"),
        ("OR a=1", "'OR' is no key"),
        ('"a"=1', "is no key"),
        ("jahr\u00e9=1", "is no key"),
        ("a b", "'b' stands where one of ="),
        ("!a=1", "at character 1: '!' is not expected"),
        ("(" * (MAX_DEPTH + 1) + "a=1" + ")" * (MAX_DEPTH + 1), "nested more than 20 deep"),
        ("a=1 OR " * MAX_LENGTH + "a=1", f"more than {MAX_LENGTH}"),
        ("a='\"' AND b=\"it's\" AND c='x\"\\'", "backslash"),
    ],
)
def test_what_is_no_filter_is_refused_with_the_place(text: str, why: str) -> None:
    with pytest.raises(InvalidFilter) as refused:
        MetadataFilter.parse(text)
    assert why in str(refused.value)


PARTS = ["a", "=", "1", "AND", "OR", "NOT", "(", ")", '"x"', "'y'", "owner", '"', "\\", " "]
TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(PARTS), max_size=14).map(" ".join)
FOREIGN: list[dict[str, Any]] = [
    {"key": "owner", "stringValue": "another"},
    {"key": "a", "numericValue": 1.0},
]


@given(TEXTS)
def test_no_filter_finds_a_document_of_another_owner(text: str) -> None:
    try:
        filter_ = sent(text)
    except InvalidFilter:
        return
    assert not parse_filter(filter_)(FOREIGN)


@given(TEXTS)
def test_what_is_accepted_means_the_same_to_the_service(text: str) -> None:
    try:
        filter_ = sent(text)
    except InvalidFilter:
        return
    ours = [{**FOREIGN[0], "stringValue": OURS}, FOREIGN[1]]
    try:
        meant = parse_filter(text)(ours)
    except ApiError:
        return  # it asks for more blanks than we do
    assert parse_filter(filter_)(ours) == meant
