"""Values for tests: a list in the documented order, and strategies of random ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from local.firestore.values.kinds import GeoPoint, Reference

ROOT = "projects/p/databases/d/documents"

ORDERED: list[list[Any]] = [
    [None],
    [False],
    [True],
    [float("nan")],
    [float("-inf")],
    [-(2**63), float(-(2**63))],
    [-1.5],
    [-1, -1.0],
    [0, 0.0, -0.0],
    [5e-324],
    [1, 1.0],
    [2**53, float(2**53)],
    [2**53 + 1],
    [2**53 + 2, float(2**53 + 2)],
    [2**63 - 1],
    [float(2**63)],
    [float("inf")],
    [datetime(1, 1, 1, tzinfo=UTC)],
    [datetime(2026, 1, 1, tzinfo=UTC)],
    [datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)],
    [""],
    ["\0"],
    ["10"],
    ["9"],
    ["a"],
    ["a\0"],
    ["ab"],
    ["é"],
    ["\uffff"],
    ["🧪"],
    [b""],
    [b"\0"],
    [b"\0\xff"],
    [b"a"],
    [Reference(f"{ROOT}/a/b")],
    [Reference(f"{ROOT}/a/b/c/d")],
    [Reference(f"{ROOT}/a/b!")],
    [GeoPoint(-1.0, 5.0)],
    [GeoPoint(1.0, -2.0)],
    [GeoPoint(1.0, 2.0)],
    [[]],
    [[1], [1.0]],
    [[1, 0]],
    [["a"]],
    [{}],
    [{"a": 1}],
    [{"a": 1, "b": 0}],
    [{"a": 2}],
    [{"b": 0}],
]
"""Groups of equal values, in the documented order."""

NAMES = st.sampled_from(["a", "b", "c", "a b", "é"])

SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.datetimes(timezones=st.just(UTC)),
    st.sampled_from(["", "a", "ab", "b", "\0", "é", "🧪"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    st.binary(max_size=3),
    st.sampled_from([Reference(f"{ROOT}/c/{name}") for name in "abc"]),
    st.builds(GeoPoint, st.floats(-90, 90), st.floats(-180, 180)),
)

VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner.filter(lambda value: type(value) is not list), max_size=3)
        | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=5,
)
