from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.batch.batch import Batch, PageResult
from shared.domain.deployment.deployment import Deployment
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import FileRecord
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.breaker_window import WindowEntry
from shared.gateways.database.codec import MalformedRecord, from_fields, to_fields
from shared.gateways.database.document_rules import storable_fields

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Everything:
    text: str
    whole: int
    fraction: float
    truth: bool
    at: datetime
    wait: timedelta
    colour: Colour
    point: Point
    maybe: int | None = None
    maybe_at: datetime | None = None
    maybe_wait: timedelta | None = None
    maybe_colour: Colour | None = None
    maybe_point: Point | None = None
    words: tuple[str, ...] = ()
    colours: tuple[Colour, ...] = ()
    points: tuple[Point, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    waits: Mapping[str, timedelta] = field(default_factory=dict)
    groups: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)


PLAIN = Everything(
    text="t",
    whole=1,
    fraction=0.5,
    truth=True,
    at=NOON,
    wait=timedelta(minutes=1.5),
    colour=Colour.RED,
    point=Point(1.0, "p"),
)

RICH = dataclasses.replace(
    PLAIN,
    maybe=2,
    maybe_at=NOON,
    maybe_wait=timedelta(microseconds=1),
    maybe_colour=Colour.BLUE,
    maybe_point=Point(2.0),
    words=("a", "b"),
    colours=(Colour.RED, Colour.BLUE),
    points=(Point(3.0), Point(4.0, "q")),
    counts={"a.b": 1},
    waits={"c/d": timedelta(days=1)},
    groups={"e": (Point(5.0),), "f": ()},
)


def test_a_record_is_stored_in_plain_types() -> None:
    stored = to_fields(RICH)
    assert stored == {
        "text": "t",
        "whole": 1,
        "fraction": 0.5,
        "truth": True,
        "at": NOON,
        "wait": 90.0,
        "colour": "red",
        "point": {"x": 1.0, "label": "p"},
        "maybe": 2,
        "maybe_at": NOON,
        "maybe_wait": 0.000001,
        "maybe_colour": "blue",
        "maybe_point": {"x": 2.0, "label": ""},
        "words": ["a", "b"],
        "colours": ["red", "blue"],
        "points": [{"x": 3.0, "label": ""}, {"x": 4.0, "label": "q"}],
        "counts": {"a.b": 1},
        "waits": {"c/d": 86400.0},
        "groups": {"e": [{"x": 5.0, "label": ""}], "f": []},
    }
    assert type(stored["colour"]) is type(stored["colours"][0]) is str


@pytest.mark.parametrize("record", [PLAIN, RICH])
def test_a_record_comes_back_as_it_was(record: Everything) -> None:
    again = from_fields(Everything, storable_fields(to_fields(record)))
    assert again == record
    assert type(again.colour) is Colour


def test_what_is_stored_shares_nothing_with_the_record() -> None:
    stored = to_fields(RICH)
    stored["counts"]["a.b"] = 9
    assert RICH.counts == {"a.b": 1}


def test_what_a_newer_version_added_is_ignored_and_what_an_older_left_out_has_its_default() -> None:
    stored = to_fields(RICH) | {"added": 1, "point": {"x": 1.0, "added": 1}}
    for name in ("maybe", "words", "counts"):
        del stored[name]
    again = from_fields(Everything, stored)
    assert (again.maybe, again.words, again.counts) == (None, (), {})
    assert again.point == Point(1.0)


def test_a_whole_number_is_a_fraction_too() -> None:
    again = from_fields(Everything, to_fields(PLAIN) | {"fraction": 2, "wait": 3})
    assert type(again.fraction) is float
    assert again.wait == timedelta(seconds=3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 1),
        ("text", None),
        ("whole", True),
        ("whole", 1.0),
        ("whole", "1"),
        ("fraction", "1"),
        ("fraction", True),
        ("truth", 1),
        ("at", "2026-03-01"),
        ("at", None),
        ("wait", NOON),
        ("colour", "green"),
        ("colour", None),
        ("maybe", "1"),
        ("maybe_colour", "green"),
        ("words", "ab"),
        ("words", {"a": 1}),
        ("words", [1]),
        ("colours", ["green"]),
        ("counts", ["a"]),
        ("counts", {"a": "1"}),
        ("point", "p"),
    ],
)
def test_a_field_of_another_type_is_named(name: str, value: object) -> None:
    with pytest.raises(MalformedRecord, match=rf"^Everything\.{name}: ") as caught:
        from_fields(Everything, to_fields(PLAIN) | {name: value})
    assert (caught.value.record, caught.value.field) == (Everything, name)


def test_a_missing_field_without_default_is_named() -> None:
    stored = to_fields(PLAIN)
    del stored["whole"]
    with pytest.raises(MalformedRecord, match=r"Everything\.whole: missing"):
        from_fields(Everything, stored)


def test_a_fault_in_a_nested_record_names_the_nested_class() -> None:
    with pytest.raises(MalformedRecord, match=r"Point\.x: str instead of float"):
        from_fields(Everything, to_fields(RICH) | {"points": [{"x": "far"}]})


@dataclass(frozen=True, slots=True)
class Odd:
    value: set[int]


def test_what_cannot_be_stored_is_refused() -> None:
    with pytest.raises(TypeError, match="can't be stored"):
        to_fields(Odd({1}))
    with pytest.raises(TypeError, match="not a dataclass"):
        to_fields("text")


RECORDS = (
    Batch,
    BreakerState,
    Deployment,
    FileRecord,
    LedgerEntry,
    PageResult,
    WindowEntry,
)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_record_of_the_domain_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    record = data.draw(st.from_type(kind))
    again: object = from_fields(kind, to_fields(record))
    assert repr(again) == repr(record)  # tells 1 from 1.0, and finds that nan is nan
