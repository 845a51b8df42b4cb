from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given

from local.firestore.values.encoding import above, encoded, inverted
from local.firestore.values.kinds import GeoPoint, Reference, copied, identical
from local.firestore.values.order import order_key
from local.firestore.values.size import document_size, value_size
from local.firestore.wire.values import as_bytes, from_bytes
from tests.local.firestore.values import ORDERED, ROOT, VALUES


def test_values_have_the_documented_order() -> None:
    for lesser, greater in combinations(ORDERED, 2):
        for one in lesser:
            for other in greater:
                assert order_key(one) < order_key(other), (one, other)
    for equal in ORDERED:
        assert len({repr(order_key(value) == order_key(equal[0])) for value in equal}) == 1


@given(VALUES, VALUES, VALUES)
def test_the_order_is_total(one: Any, other: Any, third: Any) -> None:
    keys = sorted(map(order_key, (one, other, third)))
    assert keys[0] <= keys[1] <= keys[2]
    assert (order_key(one) < order_key(other)) + (order_key(one) == order_key(other)) + (
        order_key(one) > order_key(other)
    ) == 1


@given(VALUES, VALUES)
def test_bytes_are_ordered_as_their_values(one: Any, other: Any) -> None:
    for tail in (b"", b"\x00", b"\xff"):
        less = encoded(one) + tail < encoded(other) + b"\x00" * 9
        if order_key(one) != order_key(other):
            assert less is (order_key(one) < order_key(other))
    assert (encoded(one) == encoded(other)) is (order_key(one) == order_key(other))
    if order_key(one) < order_key(other):
        assert inverted(encoded(one)) > inverted(encoded(other))


def test_no_encoding_begins_with_another() -> None:
    keys = [encoded(equal[0]) for equal in ORDERED]
    for one, other in combinations(keys, 2):
        assert not one.startswith(other)
        assert not other.startswith(one)


def test_what_is_above_a_prefix() -> None:
    assert above(b"a") == b"b"
    assert above(b"a\xff") == b"b"
    assert above(b"\xff") is None


@given(VALUES)
def test_a_value_survives_the_wire(value: Any) -> None:
    assert identical(from_bytes(as_bytes({"a": value}))["a"], value)
    assert identical(copied(value), value)


def test_equal_numbers_of_other_types_are_not_identical() -> None:
    assert not identical(1, 1.0)
    assert not identical(1, True)
    assert not identical(0.0, -0.0)
    assert identical([float("nan")], [float("nan")])


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 1),
        (True, 1),
        (1, 8),
        (1.5, 8),
        ("é", 3),
        (b"abc", 3),
        (GeoPoint(0.0, 0.0), 16),
        (Reference(f"{ROOT}/c/id"), 2 + 3 + 16),
        ([1, "a"], 10),
        ({"ab": 1}, 11),
    ],
)
def test_sizes_are_the_documented_ones(value: Any, size: int) -> None:
    assert value_size(value) == size


def test_the_size_of_the_documented_example() -> None:
    # Firestore, "Storage size calculations": a task of a user.
    fields = {
        "type": "Personal",
        "done": False,
        "priority": 1,
        "description": "Learn Cloud Firestore",
    }
    assert document_size("users/jeff/tasks/my_task_id", fields) == 147
