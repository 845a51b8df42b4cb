"""The geometry of the page's charts, in the units of their view boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SLOTS = 30
"""Runs that a chart has room for."""

STEP = 20
"""Width of a run's slot."""

BAR = 12
"""Width of a bar."""

HEIGHT = 48
"""Height of the highest bar."""

WINDOW = 100
"""Metered requests in the picture of the breaker's window."""

LEAST = 2
"""Height of the smallest bar, so that it can be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, or a part of a stacked one."""

    x: int
    y: float
    height: float
    kind: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One row of bars, the oldest run first.

    Attributes:
        bars: The bars; a run without a value has none.
        most: The value of the highest bar; 0 without any.
    """

    bars: tuple[Bar, ...]
    most: float


def runs(batches: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The runs that are charted, the oldest first: those that are over and no dry runs."""
    over = [each for each in batches if each["completed_at"] and not each["dry_run"]]
    return over[:SLOTS][::-1]


def files_chart(shown: Sequence[Mapping[str, Any]]) -> Chart:
    """Files that each run finished, and above them those that were failed at its end."""
    return _chart(
        [
            (("done", each["indexed"] + each["deleted"]), ("failed", each["failed"]))
            for each in shown
        ]
    )


def duration_chart(shown: Sequence[Mapping[str, Any]]) -> Chart:
    """How long each run took, in seconds."""
    return _chart([(("time", each["duration_seconds"] or 0),) for each in shown])


def cost_chart(shown: Sequence[Mapping[str, Any]]) -> Chart:
    """What each run's imports cost."""
    return _chart([(("cost", each["estimated_cost"] or 0),) for each in shown])


def _chart(rows: Sequence[Sequence[tuple[str, float]]]) -> Chart:
    most = max((sum(value for _, value in parts) for parts in rows), default=0)
    bars: list[Bar] = []
    offset = SLOTS - len(rows)
    for index, parts in enumerate(rows):
        top = float(HEIGHT)
        for kind, value in parts:
            if value > 0:
                height = round(max(value / most * HEIGHT, LEAST), 1)
                top = max(top - height, 0.0)
                left = (offset + index) * STEP + (STEP - BAR) // 2
                bars.append(Bar(left, round(top, 1), height, kind))
    return Chart(tuple(bars), most)


def window_paths(window: Sequence[Mapping[str, Any]]) -> list[tuple[bool, str]]:
    """The window's picture as two paths: requests that succeeded, and those that met a 429.

    The newest request is at the right end; the view box is 400 wide and 24 high.
    """
    places = enumerate(window[:WINDOW])
    at = [((WINDOW - 1 - index) * 4, each["outcome"] == "throttled") for index, each in places]
    return [
        (False, "".join(f"M{x} 10h3v14h-3z" for x, refused in at if not refused)),
        (True, "".join(f"M{x} 0h3v24h-3z" for x, refused in at if refused)),
    ]
