from __future__ import annotations

import re
import unicodedata
from string import ascii_lowercase
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.metadata.path_template import InvalidPathTemplate, PathTemplate

LIBRARY = PathTemplate.parse("{category}/{course}/{year:int}/week-{week:int} {title}")


def test_a_template_lists_its_fields_in_order() -> None:
    assert LIBRARY.fields == ("category", "course", "year", "week", "title")


def test_a_matching_name_yields_typed_values() -> None:
    assert LIBRARY.match("science/chemistry/2025/week-7 Kinetics.md") == {
        "category": "science",
        "course": "chemistry",
        "year": 2025,
        "week": 7,
        "title": "Kinetics",
    }


@pytest.mark.parametrize(
    "path",
    [
        "science/chemistry/2025/Kinetics.md",
        "science/chemistry/2025/week-seven Kinetics.md",
        "science/chemistry/extra/2025/week-7 Kinetics.md",
        "chemistry/2025/week-7 Kinetics.md",
        "science/chemistry/2025/Week-7 Kinetics.md",
        "science/chemistry/2025/week-7 .md/deeper",
        "science//2025/week-7 Kinetics.md",
        "science/chemistry/2025/week-7 ",
        "science/chemistry/2025/week-1234567890123456 Kinetics.md",
        "",
    ],
)
def test_a_name_that_does_not_fit_yields_nothing(path: str) -> None:
    assert LIBRARY.match(path) == {}


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("{a}-{b}", "x-y-z", {"a": "x", "b": "y-z"}),
        ("{a}-{n:int}", "x-y-3", {"a": "x-y", "n": 3}),
        ("{a}-{n:int}-{b}", "x-y-3-z-4-w", {"a": "x-y", "n": 3, "b": "z-4-w"}),
        ("{a} {n:int}", "below zero -5", {"a": "below zero", "n": -5}),
        ("{n:int} {a}", "007 agents", {"n": 7, "a": "agents"}),
        ("{n:int}6 {a}", "1234567890123456 digits", {}),
        ("v{version:float} {a}", "v1.5 notes", {"version": 1.5, "a": "notes"}),
        ("{day:date} {a}", "2024-02-29 leap", {"day": "2024-02-29", "a": "leap"}),
        ("{day:date} {a}", "2025-02-29 no leap", {}),
        ("{day:date} {a}", "2025-2-9 short", {}),
        ("{day:date} {a}", "2025-02-091 long", {}),
        ("{a}/x{b}", "aa/x", {}),
        ("{a}.", "b.", {"a": "b"}),
        ("(a+) [{b}]*", "(a+) [c]*", {"b": "c"}),
    ],
)
def test_fields_take_what_their_kind_allows(
    template: str, path: str, expected: dict[str, str | int | float]
) -> None:
    assert PathTemplate.parse(template).match(path) == expected


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("{title}", "Kinetics.md", {"title": "Kinetics"}),
        ("{title}", "backup.tar.gz", {"title": "backup.tar"}),
        ("{title}", "Chapter 1.5", {"title": "Chapter 1.5"}),
        ("{title}", ".bashrc", {"title": ".bashrc"}),
        ("{title}", "v1.d/notes", {}),
        ("{title}.md", "Kinetics.md", {"title": "Kinetics"}),
        ("{title}.md", "Kinetics.txt", {}),
        ("{title}.{ext}", "Kinetics.md", {"title": "Kinetics", "ext": "md"}),
        ("v1.0 {title}", "v1.0 Kinetics.md", {"title": "Kinetics"}),
        ("{a}/{rest:path}", "a/b/c.md", {"a": "a", "rest": "b/c"}),
    ],
)
def test_an_extension_counts_only_where_the_template_has_one(
    template: str, path: str, expected: dict[str, str]
) -> None:
    assert PathTemplate.parse(template).match(path) == expected


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("{folder:path}/{title}", "a/b/c/d.md", {"folder": "a/b/c", "title": "d"}),
        ("{folder:path}/{title}", "a/d.md", {"folder": "a", "title": "d"}),
        ("{folder:path}/{title}", "d.md", {}),
        ("{folder:path}/x-{a}/{b}", "x-1/x-2/x-3/y", {"folder": "x-1/x-2", "a": "3", "b": "y"}),
        ("{category}/{rest:path}", "a/b/c", {"category": "a", "rest": "b/c"}),
        ("{category}/{rest:path}", "a", {}),
        ("{all:path}", "a/b.md", {"all": "a/b"}),
    ],
)
def test_a_path_field_takes_the_segments_that_are_left_over(
    template: str, path: str, expected: dict[str, str]
) -> None:
    assert PathTemplate.parse(template).match(path) == expected


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_and_templates_match_in_either_form_and_values_are_composed(
    form: Literal["NFC", "NFD"],
) -> None:
    course, title = "Caf\u00e9", "\u03a9\u03bc\u03ad\u03b3\u03b1 \u304c"
    path = unicodedata.normalize(form, f"K\u00fcche/{course}/{title} 🧪.md")

    for template in ("K\u00fcche/{course}/{title}", "Ku\u0308che/{course}/{title}"):
        found = PathTemplate.parse(template).match(path)
        assert found == {"course": course, "title": f"{title} 🧪"}
    assert PathTemplate.parse("Ku\u0308che/{a}") == PathTemplate.parse("K\u00fcche/{a}")


@pytest.mark.parametrize(
    ("template", "position", "complaint", "remedy"),
    [
        ("{category", 1, "not closed", "add '}'"),
        ("category}", 9, "not opened", "add '{'"),
        ("{a{b}}", 1, "not closed", "add '}'"),
        ("x/{}", 3, "no name", "write"),
        ("{1st}", 1, "'1st' is not a field name", "use"),
        ("{naïve}", 1, "'naïve' is not a field name", "use"),
        ("{year:integer}", 1, "'integer' is not a kind", "str, int, float, date, path"),
        ("{year:}", 1, "'' is not a kind", "str, int, float, date, path"),
        ("{a}/{b}/{a}", 9, "'a' occurs twice", "rename"),
        ("{a}{b}", 4, "nothing separates 'b' from 'a'", "put text between"),
        ("all/docs", 1, "no field", "write at least one"),
        ("", 1, "no field", "write at least one"),
        ("/{a}", 1, "segment is empty", "remove"),
        ("{a}//{b}", 5, "segment is empty", "remove"),
        ("{a}/", 5, "segment is empty", "remove"),
        ("{a}/{b:path}/{c}", 5, "'b' is of kind path", "first or last"),
        ("x-{b:path}", 3, "'b' is of kind path", "first or last"),
        ("{a:path}/{b:path}", 10, "two fields of kind path", "keep one"),
    ],
)
def test_a_malformed_template_is_refused_saying_what_where_and_what_to_do(
    template: str, position: int, complaint: str, remedy: str
) -> None:
    with pytest.raises(InvalidPathTemplate) as refusal:
        PathTemplate.parse(template)

    message = str(refusal.value)
    assert f"path template {template!r}, character {position}: " in message
    assert complaint in message
    assert remedy in message


def test_an_adversarial_name_of_the_greatest_length_is_matched_without_backtracking() -> None:
    # Twelve text fields over 1024 separators: a backtracking matcher would try some 10**27 ways
    # and this test would meet the test timeout instead of its end.
    template = PathTemplate.parse("-".join(f"{{{name}}}" for name in ascii_lowercase[:12]) + "!")

    assert template.match("-" * 1024) == {}
    assert template.match("-" * 1023 + "!")["l"] == "-" * 1001


@pytest.mark.parametrize(
    "text",
    ["{a}-{b}-{c}", "{p:path}/{a} {n:int}-{b}/{c}", "{a}/{b}-{x:float}"],
)
def test_every_unbounded_text_field_is_inside_an_atomic_group(text: str) -> None:
    expression = PathTemplate.parse(text)._pattern.pattern

    lazy = re.findall(r"(.{3})\(\?P<\w+>(?:\[\^/\]|\.)\+\?", expression)
    assert lazy
    assert set(lazy) == {"(?>"}


def test_templates_are_equal_when_their_texts_are() -> None:
    again = PathTemplate.parse(LIBRARY.text)

    assert again == LIBRARY
    assert hash(again) == hash(LIBRARY)
    assert PathTemplate.parse("{title}") != LIBRARY


words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/. -"), min_size=1
).map(lambda text: unicodedata.normalize("NFC", text))


@given(
    category=words, course=words, year=st.integers(0, 9999), week=st.integers(1, 53), title=words
)
def test_what_is_written_with_a_template_is_read_back(
    category: str, course: str, year: int, week: int, title: str
) -> None:
    path = f"{category}/{course}/{year}/week-{week} {title}.md"

    assert LIBRARY.match(path) == {
        "category": category,
        "course": course,
        "year": year,
        "week": week,
        "title": title,
    }


@given(st.text(alphabet="ab-/ ", max_size=30))
def test_a_match_of_text_fields_writes_the_name_it_was_read_from(path: str) -> None:
    found = PathTemplate.parse("{a}-{b}/{c} {d}-{e}").match(path)

    if found:
        assert "{a}-{b}/{c} {d}-{e}".format(**found) == path


@given(st.text(alphabet="ab-/ ", max_size=20))
def test_atomic_groups_lose_no_match(path: str) -> None:
    backtracking = re.fullmatch(r"([^/]+)-([^/]+)/([^/]+)-a([^/]+)-([^/]+)", path)

    assert bool(PathTemplate.parse("{a}-{b}/{c}-a{d}-{e}").match(path)) is bool(backtracking)


@given(st.text(max_size=200))
def test_any_text_is_either_a_template_or_refused_as_one(text: str) -> None:
    try:
        template = PathTemplate.parse(text)
    except InvalidPathTemplate:
        return
    found = template.match(text)
    assert found.keys() in ({*template.fields}, set())
