"""Names, conditions, ranges and field selections."""

from __future__ import annotations

import pytest

from local.cloud_storage.objects.names import end_of, object_name
from local.cloud_storage.objects.partial import masked, parse_fields
from local.cloud_storage.objects.preconditions import ABSENT, check
from local.cloud_storage.objects.ranges import SentRange, asked_range, sent_range
from local.cloud_storage.refusals import Refused


@pytest.mark.parametrize("name", ["a" * 1024, "é" * 512, "/", "a//b", "\x00", "..a", " "])
def test_a_possible_name_is_taken(name: str) -> None:
    assert object_name(name) == name.encode()


@pytest.mark.parametrize(
    "name",
    ["", "a" * 1025, "é" * 513, "a\nb", "\r", ".", "..", ".well-known/acme-challenge/x", "\ud800"],
)
def test_an_impossible_name_is_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        object_name(name)
    assert refused.value.status == 400


def test_the_end_of_a_prefix_is_behind_all_names_with_it() -> None:
    assert end_of(b"") is None
    assert b"a/\xf4\x8f\xbf\xbf" < (end_of(b"a/") or b"") <= b"a0"


@pytest.mark.parametrize(
    ("query", "version", "reading", "status"),
    [
        ({"ifGenerationMatch": "7"}, (7, 2), False, None),
        ({"ifGenerationMatch": "6"}, (7, 2), False, 412),
        ({"ifGenerationMatch": "0"}, ABSENT, False, None),
        ({"ifGenerationMatch": "0"}, (7, 2), False, 412),
        ({"ifGenerationNotMatch": "6"}, (7, 2), False, None),
        ({"ifGenerationNotMatch": "7"}, (7, 2), False, 412),
        ({"ifGenerationNotMatch": "7"}, (7, 2), True, 304),
        ({"ifGenerationNotMatch": "0"}, ABSENT, False, 412),
        ({"ifMetagenerationMatch": "2"}, (7, 2), False, None),
        ({"ifMetagenerationMatch": "1"}, (7, 2), True, 412),
        ({"ifMetagenerationNotMatch": "1"}, (7, 2), True, None),
        ({"ifMetagenerationNotMatch": "2"}, (7, 2), True, 304),
        ({"ifGenerationMatch": "7", "ifMetagenerationMatch": "3"}, (7, 2), False, 412),
        ({"ifGenerationMatch": "seven"}, (7, 2), False, 400),
        ({"ifGenerationMatch": "-1"}, (7, 2), False, 400),
        ({"ifSourceGenerationMatch": "6"}, (7, 2), False, None),
    ],
)
def test_each_condition_must_hold(
    query: dict[str, str], version: tuple[int, int], reading: bool, status: int | None
) -> None:
    if status is None:
        check(query, version, reading=reading)
        return
    with pytest.raises(Refused) as refused:
        check(query, version, reading=reading)
    assert refused.value.status == status


def test_a_source_has_conditions_of_its_own() -> None:
    check({"ifGenerationMatch": "6"}, (7, 2), source=True)
    with pytest.raises(Refused):
        check({"ifSourceGenerationMatch": "6"}, (7, 2), source=True)


@pytest.mark.parametrize(
    ("header", "size", "asked"),
    [
        ("", 5, None),
        ("bytes=0-1", 5, range(2)),
        ("bytes=3-", 5, range(3, 5)),
        ("bytes=3-99", 5, range(3, 5)),
        ("bytes=-2", 5, range(3, 5)),
        ("bytes=-9", 5, range(5)),
        ("bytes=3-2", 5, None),
        ("bytes=-", 5, None),
        ("bytes=0-1,3-4", 5, None),
        ("lines=0-1", 5, None),
    ],
)
def test_a_range_is_cut_to_the_object_and_ignored_if_odd(
    header: str, size: int, asked: range | None
) -> None:
    assert asked_range(header, size) == asked


@pytest.mark.parametrize(("header", "size"), [("bytes=5-", 5), ("bytes=0-", 0), ("bytes=-0", 5)])
def test_a_range_behind_the_object_is_refused(header: str, size: int) -> None:
    with pytest.raises(Refused) as refused:
        asked_range(header, size)
    assert refused.value.status == 416


def test_a_part_of_an_upload_says_what_it_is() -> None:
    assert sent_range(None) == SentRange(0, None, None)
    assert sent_range("bytes 0-9/*") == SentRange(0, 10, None)
    assert sent_range("bytes 5-9/10") == SentRange(5, 10, 10)
    assert sent_range("bytes */10") == SentRange(None, None, 10)
    assert sent_range("bytes */*") == SentRange(None, None, None)
    for wrong in ("bytes 5-4/10", "bytes 5-10/10", "bytes 5-/10", "0-9/10", "bytes 0-9"):
        with pytest.raises(Refused):
            sent_range(wrong)


def test_the_fields_that_are_asked_for_are_answered() -> None:
    found = {"a": 1, "b": [{"c": 2, "d": {"e": 3, "f": 4}}], "g": {}}
    assert masked(found, parse_fields("a,b(c,d/e),none")) == {
        "a": 1,
        "b": [{"c": 2, "d": {"e": 3}}],
    }
    assert masked(found, parse_fields("b/d")) == {"b": [{"d": {"e": 3, "f": 4}}]}
    assert masked(found, parse_fields("")) == found == masked(found, parse_fields("*"))
    for wrong in ("a,", "a(b", "a)", "(a)", "a/", ",", "a;b", "a(b)c"):
        with pytest.raises(Refused):
            parse_fields(wrong)
