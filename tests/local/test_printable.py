from __future__ import annotations

import pytest

from local.printable import printable, printable_lines, printable_values

HOSTILE = {
    "escape": "\x1b[2J",
    "bell": "\x07",
    "C1 control": "\x9b31m",
    "delete": "\x7f",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "next line": "\x85",
    "right-to-left override": "\u202egnp.exe",
    "isolate": "\u2066",
    "lone surrogate": "\ud83d",
    "carriage return": "\r",
    "tag": "\U000e0041",
    "no-break": "\ufeff",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_plain_text_is_escaped_and_the_rest_stays(hostile: str) -> None:
    for neutralised in (printable, printable_lines):
        shown = neutralised(f"日本 {hostile} é 🌊")
        assert shown.isprintable()
        assert shown.startswith("日本 \\")
        assert shown.endswith(" é 🌊")
        assert len(shown.splitlines()) == 1
        assert neutralised(shown) == shown
        shown.encode()


def test_line_ends_stay_only_where_lines_are_meant() -> None:
    assert printable("a\n\tb") == "a\\n\\tb"
    assert printable_lines("a\n\tb\r\n\x1b") == "a\n\tb\\r\n\\x1b"


def test_every_text_of_a_value_is_made_printable() -> None:
    value = {"a\x1b": ["\u2028", {"b": "\x07"}, 1, None, True, 1.5]}
    assert printable_values(value) == {"a\\x1b": ["\\u2028", {"b": "\\x07"}, 1, None, True, 1.5]}
