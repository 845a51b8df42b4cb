from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.metadata.metadata import (
    DEFAULT_EXPECTED_FIELDS,
    MAX_ENTRIES,
    MAX_KEY_LENGTH,
    MAX_REPORTS,
    RESERVED_KEYS,
    CustomMetadata,
    DocumentIdentity,
    MetadataEntry,
    MetadataQuality,
    MetadataSources,
    parse_expected_fields,
)
from shared.domain.metadata.metadata_value import (
    MAX_LIST_VALUES,
    MAX_VALUE_LENGTH,
    ValueKind,
    path_value,
)
from shared.domain.metadata.path_template import PathTemplate
from shared.domain.source.object_info import ObjectInfo

TEMPLATE = PathTemplate.parse("{category}/{course}/{year:int}/week-{week:int} {title}")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
PATH = "science/chemistry/2025/week-7 Kinetics.md"


def build(
    path: str = "notes.md",
    *,
    template: PathTemplate | None = None,
    object_metadata: Mapping[str, str] | None = None,
    sidecar: object = None,
    expected_fields: Sequence[str] = (),
) -> CustomMetadata:
    sources = MetadataSources(template, expected_fields, an_object(object_metadata))
    return sources.entries(
        DocumentIdentity(path, "md5:0123", "key-of-content", "owner-tag"),
        sidecar if sidecar is None or isinstance(sidecar, bytes) else _json(sidecar),
    )


def an_object(
    metadata: Mapping[str, str] | None = None, *, content_hash: str = "md5:0"
) -> ObjectInfo:
    return ObjectInfo("a.md", 1, 1, 1, content_hash, "text/markdown", NOW, metadata or {})


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


def own(result: CustomMetadata) -> dict[str, str | float | tuple[str, ...]]:
    """The entries that come from the file's own sources."""
    return {entry.key: entry.value for entry in result.entries if entry.key not in RESERVED_KEYS}


# ------------------------------------------------------------------------------ what is there


def test_five_entries_are_always_there() -> None:
    entries = build("notes.md").entries

    assert entries == (
        MetadataEntry("path", "notes.md"),
        MetadataEntry("content_hash", "md5:0123"),
        MetadataEntry("content_key", "key-of-content"),
        MetadataEntry("owner", "owner-tag"),
        MetadataEntry("quality_score", 0.0),
    )


def test_a_reserved_key_of_the_user_is_ignored_and_reported() -> None:
    result = build(sidecar=dict.fromkeys(RESERVED_KEYS, "mine"), object_metadata={"owner": "me"})

    assert own(result) == {}
    assert result.entries == build().entries
    assert len(result.reports) == len(RESERVED_KEYS) + 1
    assert "object metadata: 'owner' is a reserved key, ignored" in result.reports


def test_a_key_that_only_becomes_reserved_is_ignored_too() -> None:
    result = build(sidecar={"content hash": "mine"})

    assert result.entries == build().entries
    assert result.reports == ("sidecar: 'content hash' is a reserved key, ignored",)


def test_the_sidecar_wins_over_the_object_and_the_object_over_the_path() -> None:
    result = build(
        PATH,
        template=TEMPLATE,
        object_metadata={"course": "from object", "title": "from object"},
        sidecar={"title": "from sidecar"},
    )

    assert own(result) == {
        "category": "science",
        "course": "from object",
        "title": "from sidecar",
        "year": 2025.0,
        "week": 7.0,
    }
    assert result.reports == ()


def test_null_and_empty_values_erase_nothing() -> None:
    result = build(
        PATH, template=TEMPLATE, sidecar={"title": None, "course": "  ", "tags": [], "more": {}}
    )

    assert own(result)["title"] == "Kinetics"
    assert own(result)["course"] == "chemistry"
    assert "tags" not in own(result)
    assert result.reports == ()


def test_what_storage_clients_leave_beside_the_users_metadata_is_not_metadata() -> None:
    result = build(
        object_metadata={
            "goog-reserved-file-mtime": "1763910000",
            "firebaseStorageDownloadTokens": "a-secret",
            "level": "1",
        }
    )

    assert own(result) == {"level": "1"}


# ------------------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("raw", "value", "kind"),
    [
        ("text", "text", ValueKind.STRING),
        ("  spaced out \n", "spaced out", ValueKind.STRING),
        (7, 7.0, ValueKind.NUMERIC),
        (-1.5, -1.5, ValueKind.NUMERIC),
        (2**53, float(2**53), ValueKind.NUMERIC),
        (2**53 + 1, "9007199254740993", ValueKind.STRING),
        (-(2**53) - 1, "-9007199254740993", ValueKind.STRING),
        (True, "true", ValueKind.STRING),
        (False, "false", ValueKind.STRING),
        (["a", 1, True, None, " "], ("a", "1", "true"), ValueKind.STRING_LIST),
    ],
)
def test_a_value_goes_over_the_wire_as_its_kind(
    raw: object, value: str | float | tuple[str, ...], kind: ValueKind
) -> None:
    result = build(sidecar={"key": raw})

    (entry,) = (entry for entry in result.entries if entry.key == "key")
    assert entry.value == value
    assert type(entry.value) is type(value)
    assert entry.kind is kind
    assert result.reports == ()


@pytest.mark.parametrize("raw", [b'{"x": NaN}', b'{"x": -Infinity}', b'{"x": 1e999}'])
def test_a_number_that_is_none_is_left_out_and_reported(raw: bytes) -> None:
    result = build(sidecar=raw)

    assert own(result) == {}
    assert result.reports == ("sidecar: 'x' is not a finite number, left out",)


def test_text_of_a_declared_field_takes_its_kind_from_template_or_expected_fields() -> None:
    result = build(
        "elsewhere.md",
        template=TEMPLATE,
        object_metadata={"year": "2025", "price": "9.50", "isbn": "0306406152", "week": "last"},
        expected_fields=["price:float", "isbn", "on:date"],
        sidecar={"on": "2025-03-09"},
    )

    assert own(result) == {
        "year": 2025.0,
        "price": 9.5,
        "isbn": "0306406152",
        "week": "last",
        "on": "2025-03-09",
    }
    assert result.reports == ("object metadata: 'week' is not of kind int, kept as text",)


def test_a_map_is_flattened_once_and_no_deeper() -> None:
    result = build(sidecar={"author": {"name": "Ada", "born": 1815, "works": {"n": 1}}, "l": [[1]]})

    assert own(result) == {"author.name": "Ada", "author.born": 1815.0}
    assert result.reports == (
        "sidecar: 'author.works' is nested too deeply, left out",
        "sidecar: 'l' is nested too deeply, left out",
    )


@pytest.mark.parametrize(
    "sidecar",
    [b"{", b"", b"\xff\xfe\xfd", b"[" * 60_000, b" " * 65_537, b"[1]", b'"text"', b"null", b"3"],
)
def test_an_unusable_sidecar_is_reported_and_the_other_sources_stand(sidecar: bytes) -> None:
    result = build(PATH, template=TEMPLATE, sidecar=sidecar)

    assert own(result)["title"] == "Kinetics"
    (report,) = result.reports
    assert report.startswith("sidecar: not ")


def test_a_sidecar_with_a_byte_order_mark_is_read() -> None:
    assert own(build(sidecar=b'\xef\xbb\xbf{"a": "b"}')) == {"a": "b"}


# ------------------------------------------------------------------------------ keys


def test_other_characters_in_a_key_are_replaced_and_reported() -> None:
    result = build(sidecar={"reading time": 5, "größe": "xl", "a_b-c.D9": "fine"})

    assert own(result) == {"reading_time": 5.0, "gr__e": "xl", "a_b-c.D9": "fine"}
    assert result.reports == (
        "sidecar: 'reading time' became the key reading_time",
        "sidecar: 'größe' became the key gr__e",
    )


def test_a_key_without_any_allowed_character_is_left_out_and_reported() -> None:
    result = build(sidecar={"著者": "芭蕉", "": "nameless"})

    assert own(result) == {}
    assert result.reports == (
        "sidecar: '著者' has no character that a key may have, left out",
        "sidecar: '' has no character that a key may have, left out",
    )


def test_a_long_key_is_cut_and_reported() -> None:
    result = build(sidecar={"k" * (MAX_KEY_LENGTH + 1): "v"})

    assert own(result) == {"k" * MAX_KEY_LENGTH: "v"}
    assert len(result.reports) == 1


# ------------------------------------------------------------------------------ limits


def test_beyond_twenty_entries_the_expected_stay_in_their_order_then_the_rest_by_key() -> None:
    expected = [f"e{number:02}" for number in reversed(range(10))]
    everything = [f"a{number:02}" for number in range(12)] + expected

    result = build(sidecar=dict.fromkeys(reversed(everything), "x"), expected_fields=expected)

    assert [entry.key for entry in result.entries] == [
        *RESERVED_KEYS,
        *expected,
        *(f"a{number:02}" for number in range(5)),
    ]
    assert result.reports == ("left out beyond 20 entries: a05, a06, a07, a08, a09 and 2 more",)


def test_even_expected_fields_give_way_to_the_reserved() -> None:
    expected = [f"e{number:02}" for number in range(16)]

    result = build(sidecar=dict.fromkeys(expected, "x"), expected_fields=expected)

    assert list(own(result)) == expected[:15]
    assert result.quality is MetadataQuality.COMPLETE
    assert result.reports == ("left out beyond 20 entries: e15",)


def test_a_long_value_is_cut_and_reported() -> None:
    result = build(sidecar={"fits": "x" * 256, "abstract": "x" * 257, "tags": ["y" * 300]})

    assert own(result) == {"fits": "x" * 256, "abstract": "x" * 256, "tags": ("y" * 256,)}
    assert result.reports == (
        "sidecar: 'abstract' has 257 characters, cut to 256",
        "sidecar: 'tags' has 300 characters, cut to 256",
    )


@pytest.mark.parametrize(
    "character",
    [
        "e\u0301",
        unicodedata.normalize("NFD", "が"),
        "👩\u200d🔬",
        "👍🏽",
        "❤\ufe0f",
    ],
)
def test_a_cut_leaves_no_part_of_a_character_behind(character: str) -> None:
    for kept in range(1, len(character)):
        padding = "x" * (MAX_VALUE_LENGTH - kept)

        (value,) = own(build(sidecar={"text": padding + character + "tail"})).values()

        assert value == padding


def test_a_run_of_nothing_but_marks_is_cut_all_the_same() -> None:
    (value,) = own(build(sidecar={"text": "e" + "\u0301" * 400})).values()

    assert value == "e" + "\u0301" * 255


def test_a_lone_surrogate_is_replaced_so_that_the_value_can_be_sent() -> None:
    result = build(sidecar=b'{"text": "a\\ud83d", "pair": "\\ud83e\\uddea"}')

    assert own(result) == {"text": "a\ufffd", "pair": "🧪"}


def test_a_long_list_is_cut_and_reported() -> None:
    result = build(sidecar={"tags": [str(number) for number in range(MAX_LIST_VALUES + 1)]})

    assert own(result) == {"tags": tuple(str(number) for number in range(MAX_LIST_VALUES))}
    assert result.reports == ("sidecar: 'tags' has 101 values, cut to 100",)


def test_reports_are_bounded_and_say_how_many_more_there_are() -> None:
    result = build(sidecar={f"bad {number:02}": "x" for number in range(30)})

    assert len(result.reports) == MAX_REPORTS
    assert result.reports[0].startswith("left out beyond 20 entries: bad_15, ")
    assert result.reports[-1] == "and 12 more"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
any_text = st.text(st.characters(), max_size=400)


@given(
    path=any_text,
    object_metadata=st.dictionaries(any_text, any_text, max_size=30),
    sidecar=st.dictionaries(any_text, json_values, max_size=30).map(_json) | st.binary(),
)
def test_no_limit_is_ever_exceeded(
    path: str, object_metadata: dict[str, str], sidecar: bytes
) -> None:
    result = build(
        path,
        template=TEMPLATE,
        object_metadata=object_metadata,
        sidecar=sidecar,
        expected_fields=DEFAULT_EXPECTED_FIELDS,
    )

    keys = [entry.key for entry in result.entries]
    assert len(keys) == len(set(keys)) <= MAX_ENTRIES
    assert tuple(keys[:5]) == RESERVED_KEYS
    assert len(result.reports) <= MAX_REPORTS
    for entry in result.entries:
        assert 0 < len(entry.key) <= MAX_KEY_LENGTH
        if isinstance(entry.value, float):
            assert math.isfinite(entry.value)
            continue
        texts = entry.value if isinstance(entry.value, tuple) else (entry.value,)
        assert all(len(text) <= MAX_VALUE_LENGTH for text in texts)
        assert all(text == text.lstrip() and text.encode() is not None for text in texts)


# ------------------------------------------------------------------------------ the path entry


def test_a_name_that_fits_is_its_own_path_entry() -> None:
    for path in ("a.md", "日本/俳句.md", "Cafe\u0301.md", "x" * 256, "trailing "):
        assert path_value(path) == path


@pytest.mark.parametrize("path", ["folder/" * 60 + "Kinetics.md", " leading.md", "\u3000日本.md"])
def test_a_name_that_does_not_fit_keeps_its_end_behind_a_hash(path: str) -> None:
    value = path_value(path)

    assert len(value) <= MAX_VALUE_LENGTH
    assert value == path_value(path)
    assert value[32:34] == "…/"
    assert path.endswith(value[34:])
    assert value.endswith(path.strip()[-6:])


def test_the_end_of_a_name_begins_with_a_whole_character() -> None:
    end = "y" * (MAX_VALUE_LENGTH - 35)

    assert path_value("x" * 100 + "e\u0301" + end)[32:] == "…/" + end


def test_names_with_the_same_end_have_different_path_entries() -> None:
    end = "x" * 300

    assert path_value("a/" + end) != path_value("b/" + end)
    assert path_value(" a.md") != path_value("a.md")


@given(st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=600), max_size=20))
def test_path_entries_are_unique(paths: set[str]) -> None:
    assert len({path_value(path) for path in paths}) == len(paths)


# ------------------------------------------------------------------------------ quality


@pytest.mark.parametrize(
    ("present", "expected", "quality", "score"),
    [
        (0, 0, MetadataQuality.UNKNOWN, 0),
        (0, 8, MetadataQuality.NONE, 25),
        (1, 8, MetadataQuality.MINIMAL, 50),
        (3, 8, MetadataQuality.MINIMAL, 50),
        (4, 8, MetadataQuality.PARTIAL, 75),
        (7, 8, MetadataQuality.PARTIAL, 75),
        (8, 8, MetadataQuality.COMPLETE, 100),
        (1, 3, MetadataQuality.MINIMAL, 50),
        (2, 3, MetadataQuality.PARTIAL, 75),
    ],
)
def test_quality_is_the_share_of_expected_fields_present(
    present: int, expected: int, quality: MetadataQuality, score: int
) -> None:
    fields = [f"f{number}" for number in range(expected)]

    result = build(sidecar=dict.fromkeys(fields[:present], "x"), expected_fields=fields)

    assert result.quality is quality
    assert result.entries[4] == MetadataEntry("quality_score", float(score))


def test_a_path_alone_makes_the_default_expectation_partial() -> None:
    result = build(PATH, template=TEMPLATE, expected_fields=DEFAULT_EXPECTED_FIELDS)

    assert result.quality is MetadataQuality.PARTIAL


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (["a", "a:int"], "occurs twice"),
        (["owner"], "always present"),
        (["a b"], "not a field name"),
        (["a:uuid"], "not a kind"),
        (["a:path"], "for templates only"),
    ],
)
def test_a_malformed_expected_field_is_refused(fields: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_expected_fields(fields)


# ---------------------------------------------------------------------------------------- digest


def digest_of(
    template_text: str | None = "{title}",
    object_metadata: Mapping[str, str] | None = None,
    sidecar_hash: str | None = None,
    expected_fields: Sequence[str] = ("title",),
) -> str:
    template = PathTemplate.parse(template_text) if template_text else None
    sidecar = None if sidecar_hash is None else an_object(content_hash=sidecar_hash)
    return MetadataSources(template, expected_fields, an_object(object_metadata), sidecar).digest()


def test_whatever_shapes_the_metadata_changes_the_digest() -> None:
    digests = {
        digest_of(),
        digest_of(template_text=None),
        digest_of(template_text="{name}"),
        digest_of(object_metadata={"a": "1"}),
        digest_of(object_metadata={"a": "2"}),
        digest_of(object_metadata={"a1": ""}),
        digest_of(sidecar_hash="md5:a"),
        digest_of(sidecar_hash=""),
        digest_of(expected_fields=()),
        digest_of(expected_fields=("title", "year")),
        digest_of(expected_fields=("year", "title")),
    }

    assert len(digests) == 11
    assert all(len(value) == 64 for value in digests)


@pytest.mark.parametrize("declared", ["identity", "utf-8", "br"])
def test_the_digest_depends_on_whether_object_and_sidecar_are_decoded(declared: str) -> None:
    plain, packed = an_object(), replace(an_object(), content_encoding="gzip")
    digests = [
        MetadataSources(None, (), info, sidecar).digest()
        for info in (plain, packed)
        for sidecar in (None, plain, packed)
    ]
    assert len(set(digests)) == 6
    other = replace(plain, content_encoding=declared)
    assert MetadataSources(None, (), other, None).digest() == digests[0]


def test_what_shapes_nothing_leaves_the_digest_alone() -> None:
    same = {
        digest_of(object_metadata={"a": "1", "b": "2"}),
        digest_of(object_metadata={"b": "2", "a": "1"}, expected_fields=["title"]),
        digest_of(object_metadata={"a": "1", "b": "2", "goog-reserved-file-mtime": "9"}),
    }

    assert len(same) == 1
