from __future__ import annotations

import pytest

from shared.page import words


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain name.md", "plain name.md"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("line\nbreak\r\x1b[2J\x00", "line\\u000abreak\\u000d\\u001b[2J\\u0000"),
        ("\u2028\u2029\u0085", "\\u2028\\u2029\\u0085"),
        ("no\u00a0break\u2003space", "no break space"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("\U000e0041 tag", "\\U000e0041 tag"),
        ("\ud800", "\\ud800"),
    ],
)  # fmt: skip
def test_what_can_not_be_seen_is_shown_as_an_escape(given: str, shown: str) -> None:
    assert words.plain(given) == shown
    words.plain(given).encode()


def test_a_name_is_isolated_and_escaped() -> None:
    shown = words.name("<b>\u05d0")
    assert shown == "<bdi>&lt;b&gt;\u05d0</bdi>"


def test_a_time_is_utc_for_those_without_the_script() -> None:
    shown = words.moment("2026-03-04T06:07:08.9+02:00")
    assert shown == '<time datetime="2026-03-04T04:07:08Z">4 Mar 2026, 04:07 UTC</time>'
    assert words.moment(None) == words.NONE


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, words.NONE), (0, "0 s"), (90_000, "1 d 01 h")],
)
def test_a_missing_duration_is_a_dash(seconds: float | None, shown: str) -> None:
    assert words.duration(seconds) == shown


def test_figures_have_separators_and_a_missing_one_a_dash() -> None:
    assert words.number(1_234_567) == "1,234,567"
    assert words.number(0.5) == "0.5"
    assert words.number(None) == words.NONE
    assert words.money(43.2) == "43.20 USD"
    assert words.money(None) == words.NONE
