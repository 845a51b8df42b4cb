from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.source.path_glob import InvalidPathGlob, PathGlob


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.md", "a.md", True),
        ("*.md", ".md", True),
        ("*.md", "sub/a.md", False),
        ("*.md", "a.MD", False),
        ("*.md", "a.md.txt", False),
        ("?.md", "é.md", True),
        ("?.md", ".md", False),
        ("a?b", "a/b", False),
        ("**/*.md", "a.md", True),
        ("**/*.md", "x/y/a.md", True),
        ("drafts/**", "drafts/a/b.md", True),
        ("drafts/**", "drafts", False),
        ("drafts/**", "other/drafts/a", False),
        ("**/drafts/**", "other/drafts/a", True),
        ("a/**/b/**/c", "a/b/c", True),
        ("a/**/b/**/c", "a/x/b/y/z/c", True),
        ("a/**/b/**/c", "a/x/y/c", False),
        ("a/**/a", "a", False),
        ("**", "anything/at/all", True),
        ("**/.*", "x/.env", True),
        ("**/.*", "x/env", False),
        ("*a*b*c", "xxaxxbxxbxxc", True),
        ("*a*b*c", "xxaxxcxxb", False),
        ("[a]{b}.+", "[a]{b}.+", True),
        ("[a]", "a", False),
        ("日本*/♥?", "日本語/♥♥", True),
        ("a\nb*", "a\nb\nc", True),
    ],
)
def test_a_pattern_stands_for_the_whole_name(pattern: str, path: str, *, expected: bool) -> None:
    assert PathGlob.parse(pattern).matches(path) is expected


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("", "empty"),
        ("/a", "begins with '/'"),
        ("drafts/", "'drafts/**'"),
        ("**.md", "'**/*.md'"),
        ("a**/b", "whole segment"),
    ],
)
def test_a_pattern_that_cannot_mean_what_it_says_is_refused(pattern: str, complaint: str) -> None:
    with pytest.raises(InvalidPathGlob, match=re.escape(complaint)):
        PathGlob.parse(pattern)


def test_no_name_makes_a_pattern_slow() -> None:
    # A backtracking matcher would not come back from either before the test timeout.
    assert not PathGlob.parse("*a" * 12 + "*b").matches("a" * 1024)
    assert not PathGlob.parse("**/a/" * 12 + "b").matches("a/" * 511 + "a")


def _reference(pattern: str) -> re.Pattern[str]:
    """The documented meaning as one plain, backtracking expression."""
    expression = re.escape(pattern).replace(r"\?", "[^/]")
    expression = re.sub(r"/\\\*\\\*\Z", "/.+", expression)
    expression = re.sub(r"\A\\\*\\\*\Z", ".+", expression)
    expression = re.sub(r"(\A|(?<=/))\\\*\\\*/", "(?:[^/]*/)*", expression)
    return re.compile(expression.replace(r"\*", "[^/]*"), re.DOTALL)


segments = st.sampled_from(["**", "*", "a", "*a", "a*b", "?", "*a*b"])


@pytest.mark.parametrize("pattern", ["Entw\u00fcrfe/**", "Entwu\u0308rfe/**"])
@pytest.mark.parametrize("name", ["Entw\u00fcrfe/a.md", "Entwu\u0308rfe/a.md"])
def test_both_unicode_forms_match_each_other(pattern: str, name: str) -> None:
    assert PathGlob.parse(pattern).matches(name)
    assert PathGlob.parse(pattern) == PathGlob.parse("Entw\u00fcrfe/**")


@pytest.mark.parametrize("name", ["\u00e9.md", "e\u0301.md", "\u304c.md", "\u304b\u3099.md"])
def test_a_question_mark_is_one_character_however_it_is_written(name: str) -> None:
    assert PathGlob.parse("?.md").matches(name)


names = st.lists(st.text(alphabet="ab", min_size=1, max_size=4), min_size=1, max_size=5)


@given(st.lists(segments, min_size=1, max_size=5), names)
def test_matching_agrees_with_the_documented_meaning(pattern: list[str], path: list[str]) -> None:
    glob, name = "/".join(pattern), "/".join(path)

    assert PathGlob.parse(glob).matches(name) is bool(_reference(glob).fullmatch(name))
