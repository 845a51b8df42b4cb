from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ask.plain_text import plain_text, value_text

JOINED = "\u06cc\u200c\u0645 \U0001f469\u200d\U0001f52c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Wax the thread.\n\t1. Then sew.", "Wax the thread.\n\t1. Then sew."),
        ("see https://a.example/b?c", "see https[:]//a.example/b?c"),
        ("HTTP://A.example and ftp://b", "HTTP[:]//A.example and ftp[:]//b"),
        ("[here](javascript:alert(1))", "[here] (javascript[:]alert(1))"),
        ("![p](data:image/png;base64,AA)", "! [p] (data[:]image/png;base64,AA)"),
        ("[a][b]", "[a] [b]"),
        ("<https://a.example>", "< https[:]//a.example>"),
        ('<img src="x"> 3 < 4', '< img src="x"> 3 < 4'),
        ("www.a.example", "www[.]a.example"),
        ("mailto:a@b.example", "mailto[:]a@b.example"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\x1b]8;;http://a\x07b\x1b]8;;\x07", r"\x1b]8;;http[:]//a\x07b\x1b]8;;\x07"),
        ("abc\u202edcba", r"abc\u202edcba"),
        (
            "\u06cc\u200c\u0645 \U0001f469\u200d\U0001f52c",
            "\u06cc\u200c\u0645 \U0001f469\u200d\U0001f52c",
        ),
        ("Ratio 3:4, note: yes, C:\\temp", "Ratio 3:4, note: yes, C:\\temp"),
    ],
)
def test_text_is_shown_as_it_is_and_links_nowhere(text: str, shown: str) -> None:
    assert plain_text(text) == shown


@given(st.text() | st.lists(st.sampled_from("[]()!<>:/\x1bwww.https ")).map("".join))
def test_no_text_has_a_link_a_picture_or_a_control_character(text: str) -> None:
    shown = plain_text(text)
    for mark in ("](", "![", "]["):
        assert mark not in shown
    assert "https://" not in shown.lower()
    controls = {each for each in shown if unicodedata.category(each) == "Cc"}
    assert controls <= {"\n", "\t"}
    assert plain_text(shown) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("x", "x"), (2025.0, "2025"), (0.125, "0.125"), (1234567.0, "1234567"), (["a", "b"], "a, b")],
)
def test_a_metadata_value_is_shown_as_people_write_it(
    value: str | float | list[str], shown: str
) -> None:
    assert value_text(value) == shown
