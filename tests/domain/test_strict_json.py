from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.strict_json import parsed

TEXT = st.text(st.characters(codec="utf-8"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | TEXT


@given(SCALARS | st.lists(SCALARS) | st.dictionaries(TEXT, st.lists(SCALARS)))
def test_any_value_is_read_as_it_was_written(value: object) -> None:
    assert parsed(json.dumps(value).encode()) == value
    assert parsed(json.dumps(value, ensure_ascii=False).encode("utf-8-sig")) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff",
        "{}".encode("utf-16"),
        b"NaN",
        b'{"a": [-Infinity]}',
        b'{"a": 1, "b": {"c": 1, "c": 2}}',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b"[" * 8000,
        b"1" * 9000,
        b"{} {}",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        parsed(text)
