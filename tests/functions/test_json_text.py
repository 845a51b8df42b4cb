from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.answers import answer
from shared.json_text import json_line
from shared.process import JsonFormatter

ANY_TEXT = st.text(st.characters(exclude_categories=[]))
JSON = st.recursive(
    ANY_TEXT | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
)


@given(JSON)
def test_a_value_is_one_printable_line_that_means_the_same(value: Any) -> None:
    text = json_line(value)
    assert text.isprintable()
    assert text.splitlines() == [text]
    assert json.loads(text.encode()) == value


def test_letters_of_any_script_stand_for_themselves() -> None:
    assert json_line({"path": "日本/é 🌊\u2028\x9b\U000e0041"}) == (
        '{"path":"日本/é 🌊\\u2028\\u009b\\udb40\\udc41"}'
    )


def test_an_unknown_kind_of_value_is_an_error_unless_it_has_a_text() -> None:
    with pytest.raises(TypeError):
        json_line({"a": {1, 2}})
    assert json_line({"a": ValueError("b\u2028")}, as_text=str) == '{"a":"b\\u2028"}'


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c", "\x1b[2J", "\ud800"])
def test_logs_and_answers_have_no_line_end_within_a_line(odd: str) -> None:
    record = logging.LogRecord("a", logging.ERROR, "", 1, "said %s", (f"x{odd}y",), None)
    record.fields = {"path": f"a{odd}b"}
    line = JsonFormatter().format(record)
    assert line.splitlines() == [line]
    said = json.loads(line)
    assert said.pop("time")
    assert said == {
        "severity": "ERROR", "message": f"said x{odd}y", "logger": "a", "path": f"a{odd}b",
    }  # fmt: skip

    assert answer({"reason": odd}).get_data(as_text=True).isprintable()
