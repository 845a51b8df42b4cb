"""Declared kinds hold for all that JSON can hold, and names that become one key are reported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from shared.domain.metadata.metadata import (
    RESERVED_KEYS,
    CustomMetadata,
    DocumentIdentity,
    MetadataSources,
)
from shared.domain.metadata.path_template import PathTemplate
from shared.domain.source.object_info import ObjectInfo

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def build(
    sidecar: object,
    *expected: str,
    template: str = "",
    path: str = "a.md",
    metadata: Mapping[str, str] | None = None,
) -> CustomMetadata:
    info = ObjectInfo("a.md", 1, 1, 1, "md5:0", "text/markdown", NOW, metadata or {})
    given = sidecar if isinstance(sidecar, bytes) else json.dumps(sidecar).encode()
    sources = MetadataSources(PathTemplate.parse(template) if template else None, expected, info)
    return sources.entries(DocumentIdentity(path, "md5:0", "key", "owner"), given)


def own(result: CustomMetadata) -> dict[str, object]:
    return {each.key: each.value for each in result.entries if each.key not in RESERVED_KEYS}


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("int", "2025", 2025.0),
        ("int", "-7", -7.0),
        ("int", 2025, 2025.0),
        ("int", 2025.0, 2025.0),
        ("int", -0.0, 0.0),
        ("int", 2**53, 2.0**53),
        ("float", "2.5", 2.5),
        ("float", 2.5, 2.5),
        ("float", 2, 2.0),
        ("float", 1e300, 1e300),
        ("date", "2025-03-09", "2025-03-09"),
        ("str", 2025, "2025"),
        ("str", 2.5, "2.5"),
        ("str", True, "true"),
        ("str", "x", "x"),
        ("int", ["2025", 2026, 2027.0], ("2025", "2026", "2027")),
        ("date", ["2025-03-09"], ("2025-03-09",)),
        ("float", [1.5, "2.5"], ("1.5", "2.5")),
        ("str", [1, "b"], ("1", "b")),
    ],
    ids=repr,
)
def test_what_is_of_the_declared_kind_is_not_reported(
    kind: str, raw: object, value: object
) -> None:
    for result in (build({"f": raw}, f"f:{kind}"), build({"f": raw}, template=f"{{f:{kind}}}/x")):
        assert own(result) == {"f": value}
        assert type(own(result)["f"]) is type(value)
        assert result.reports == ()


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("int", 2025.5, "2025.5"),
        ("int", True, "true"),
        ("int", False, "false"),
        ("int", "2025.0", "2025.0"),
        ("int", "\u0662\u0660\u0662\u0665", "\u0662\u0660\u0662\u0665"),
        ("int", "\uff12\uff10", "\uff12\uff10"),
        ("int", 2**53 + 1, "9007199254740993"),
        ("int", 1e300, "1e+300"),
        ("float", True, "true"),
        ("float", "1e5", "1e5"),
        ("float", 10**400, "1" + "0" * 255),
        ("date", 2025, "2025"),
        ("date", 20250309, "20250309"),
        ("date", 2.5, "2.5"),
        ("date", True, "true"),
        ("date", "2025-02-30", "2025-02-30"),
        ("date", "\u0662\u0660\u0662\u0665-03-09", "\u0662\u0660\u0662\u0665-03-09"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_not_of_the_declared_kind_is_kept_as_text_and_reported(
    kind: str, raw: object, value: str
) -> None:
    result = build({"f": raw}, f"f:{kind}")
    assert own(result) == {"f": value}
    assert result.reports[-1] == f"sidecar: 'f' is not of kind {kind}, kept as text"


def test_each_value_of_a_list_is_checked() -> None:
    result = build({"f": ["2025", "x", 2.5, True, None, 7]}, "f:int")
    assert own(result) == {"f": ("2025", "x", "2.5", "true", "7")}
    assert result.reports == tuple(
        f"sidecar: 'f', item {n}, is not of kind int, kept as text" for n in (2, 3, 4)
    )


def test_a_kind_that_is_not_written_out_leaves_numbers_as_they_are() -> None:
    assert own(build({"f": 7, "g": 7}, "f", template="{g}")) == {"f": 7.0, "g": 7.0}


@pytest.mark.parametrize("raw", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"[NaN]"])
@pytest.mark.parametrize("kind", ["", ":int", ":float", ":date", ":str"])
def test_what_is_no_finite_number_is_left_out_and_reported(raw: bytes, kind: str) -> None:
    result = build(b'{"f": %b, "g": "x"}' % raw, f"f{kind}")
    assert own(result) == {"g": "x"}
    assert result.reports == ("sidecar: 'f' is not a finite number, left out",)


def test_a_number_of_any_length_costs_only_itself() -> None:
    result = build(b'{"f": 1%b, "g": "x"}' % (b"0" * 5000))
    assert own(result) == {"f": "1" + "0" * 255, "g": "x"}
    assert result.reports == ("sidecar: 'f' has 5001 characters, cut to 256",)


# --- names that become one key ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sidecar", "used", "told"),
    [
        (
            {"Grade [A]": "2", "Grade (A)": "1"},
            {"Grade__A_": "1"},
            "sidecar: 'Grade [A]' has the key Grade__A_ of 'Grade (A)', left out",
        ),
        (
            {"\u00fck": "2", "\u00e9k": "1"},
            {"_k": "1"},
            "sidecar: '\u00fck' has the key _k of '\u00e9k', left out",
        ),
        (
            {"Grade (A)": "1", "Grade__A_": "2"},
            {"Grade__A_": "2"},
            "sidecar: 'Grade (A)' has the key Grade__A_ of 'Grade__A_', left out",
        ),
        (
            {"a": {"b": 1}, "a.b": 2},
            {"a.b": 2.0},
            "sidecar: 'b' in 'a' has the key a.b of 'a.b', left out",
        ),
        (
            {"x" * 64 + "2": "2", "x" * 64 + "1": "1"},
            {"x" * 64: "1"},
            f"sidecar: '{'x' * 64}2' has the key {'x' * 64} of '{'x' * 64}1', left out",
        ),
        (
            {"u\u0308": "2", "\u00fc": "1", "a": "3"},
            {"a": "3"},
            "",
        ),
        (
            {"ku\u0308": "1", "k\u00fc": "2"},
            {"k_": "1"},
            "sidecar: 'k\u00fc' has the key k_ of 'ku\u0308', left out",
        ),
    ],
    ids=["signs", "letters", "exact", "nested", "long", "no key", "forms"],
)
def test_of_names_that_become_one_key_one_is_used_and_the_others_reported(
    sidecar: dict[str, object], used: dict[str, object], told: str
) -> None:
    for given in (sidecar, dict(reversed(sidecar.items()))):
        result = build(given)
        assert own(result) == used
        assert not told or told in result.reports


def test_of_different_sources_the_later_is_used_and_the_other_reported() -> None:
    result = build({"Grade [A]": "s"}, metadata={"Grade (A)": "m", "title": "old"})
    assert own(result) == {"Grade__A_": "s", "title": "old"}
    assert result.reports[-1] == (
        "object metadata: 'Grade (A)' has the key Grade__A_ of 'Grade [A]' (sidecar), left out"
    )
    named = build({"a b": "s"}, template="{a_b}", path="p.md")
    assert own(named) == {"a_b": "s"}
    assert "path: 'a_b' has the key a_b of 'a b' (sidecar), left out" in named.reports


def test_the_same_name_in_two_sources_is_no_accident() -> None:
    result = build({"title": "new", "a": {"b": "s"}}, metadata={"title": "old", "a.b": "m"})
    assert own(result) == {"title": "new", "a.b": "s"}
    assert result.reports == ()


def test_a_value_that_is_not_sent_takes_no_key_from_another() -> None:
    result = build({"Grade (A)": None, "Grade [A]": "x"})
    assert own(result) == {"Grade__A_": "x"}
    assert result.reports == ("sidecar: 'Grade [A]' became the key Grade__A_",)


def test_a_name_that_occurs_twice_in_an_object_is_reported() -> None:
    result = build(b'{"a": 1, "a": 2, "c": {"d": "x", "d": "y"}}')
    assert own(result) == {"a": 2.0, "c.d": "y"}
    assert sorted(result.reports) == [
        "sidecar: 'a' occurs twice, the last one counts",
        "sidecar: 'd' occurs twice, the last one counts",
    ]
