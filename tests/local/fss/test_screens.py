"""What a terminal shows while a batch is watched, drawn by a terminal emulator."""

from __future__ import annotations

import io
from typing import Any

import pyte
import pytest
from rich.console import Console

from local.fss.report.progress import LiveDisplay, PlainLines, display
from tests.local.fss.example_batches import batch
from tests.local.fss.snapshots import same_as_kept

WIDTHS = (40, 80, 120, 200)

PROGRESS = {
    "total": 0, "done": 0, "waiting": 0, "in_progress": 0, "indexed_per_minute": 0,
    "eta_seconds": None,
}  # fmt: skip
MANY = {
    "total": 20_000, "done": 12_345, "waiting": 7_000, "in_progress": 655,
    "indexed_per_minute": 149.7, "eta_seconds": 3070,
}  # fmt: skip

BATCHES = {
    "beginning": batch(phase="preparing", progress=PROGRESS, requests=dict.fromkeys(
        ("metered", "throttled", "unmetered"), 0)),
    "scanning": batch(phase="scanning", scanned=41_000, progress=PROGRESS),
    "working": batch(),
    "many files": batch(progress=MANY, failed=12),
    "throttled": batch(
        breaker={"state": "half_open"},
        hold={"reason": "rate", "until": "2026-01-01T08:00:00+00:00"},
    ),
    "paused": batch(status="paused"),
    "reconcile": batch(mode="reconcile", phase="reconciling", progress=PROGRESS),
    "with a message": batch(
        message="388 files will go on tomorrow: today's quota is not enough for them"
    ),
}  # fmt: skip


def screen_of(shown: dict[str, Any], width: int, **settings: Any) -> list[str]:
    """The lines of a terminal of this width that shows a batch."""
    return [line.rstrip() for line in terminal_of(shown, width, **settings).display]


def terminal_of(shown: dict[str, Any], width: int, **settings: Any) -> pyte.Screen:
    """A terminal of this width that shows a batch."""
    screen = pyte.Screen(width, 8)
    stream = pyte.Stream(screen)
    console = Console(file=io.StringIO(), width=width, height=8, force_terminal=True, **settings)
    with LiveDisplay(console) as live:
        live.show(shown)
        live._live.refresh()
        written = console.file.getvalue()  # type: ignore[attr-defined]
    stream.feed(written.replace("\n", "\r\n"))
    return screen


@pytest.mark.parametrize("name", list(BATCHES))
def test_a_screen_is_the_one_that_was_kept(name: str) -> None:
    drawn = ""
    for width in WIDTHS:
        lines = screen_of(BATCHES[name], width, color_system="standard")
        drawn += f"--- {width} columns\n" + "\n".join(lines).rstrip() + "\n"
    same_as_kept(f"screens/{name}.txt", drawn)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", list(BATCHES))
def test_nothing_is_cut_off_and_the_bar_has_a_line_of_its_own(name: str, width: int) -> None:
    lines = [line for line in screen_of(BATCHES[name], width, color_system="standard") if line]
    assert not [line for line in lines if "…" in line]
    assert sum("━" in line for line in lines) == 1
    assert len(lines) <= (2 if not BATCHES[name]["message"] else 4)


def test_no_colour_is_used_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="truecolor")
    with LiveDisplay(console) as live:
        live.show(batch())
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[3" not in written
    assert "\x1b[9" not in written
    assert "12 of 48" in written


def test_the_colours_are_those_of_the_terminals_palette() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="truecolor")
    with LiveDisplay(console) as live:
        live.show(batch())
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[36m" in written, "cyan, as the terminal has it"
    assert "38;2;" not in written, "no colour of its own, which may not suit the background"


BAR = {"━", "╸", "╺"}


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4)]
        red, green, blue = (
            each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", list(BATCHES))
def test_words_have_the_terminals_own_colours_so_a_light_one_shows_what_a_dark_one_does(
    name: str, width: int
) -> None:
    screen = terminal_of(BATCHES[name], width, color_system="truecolor")
    cells = [screen.buffer[y][x] for y in range(screen.lines) for x in range(width)]
    words = {(each.fg, each.bg, each.reverse) for each in cells if each.data not in {*BAR, " "}}
    assert words == {("default", "default", False)}
    bar = {each.fg for each in cells if each.data in BAR} - {"cyan", "green", "brightblack"}
    for colour in bar:  # of a bar that moves, whose end isn't known
        assert contrast(colour, "000000") > 3 < contrast(colour, "ffffff"), colour


def test_the_number_of_files_does_not_fall_while_they_are_worked_on() -> None:
    stream = io.StringIO()
    now = iter(range(0, 1000, 10))
    lines = PlainLines(stream, lambda: float(next(now)))
    for total, done in ((48, 1), (47, 2), (49, 3), (46, 4)):
        lines.show(batch(progress={**PROGRESS, "total": total, "done": done}))
    shown = [line.split("; ")[1] for line in stream.getvalue().splitlines()]
    assert shown == ["1 of 48 files", "2 of 48 files", "3 of 49 files", "4 of 49 files"]


def test_what_is_no_terminal_gets_plain_lines() -> None:
    assert isinstance(display(io.StringIO()), PlainLines)


def test_what_is_waited_for_is_shown() -> None:
    stream = io.StringIO()
    PlainLines(stream).wait_for("Firestore")
    assert stream.getvalue() == "Waiting for Firestore ...\n"
    console = Console(file=io.StringIO(), width=40, force_terminal=True)
    with LiveDisplay(console) as live:
        live.wait_for("Firestore \x1b[2J")
        live._live.refresh()
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Waiting for Firestore \\x1b[2J" in written
