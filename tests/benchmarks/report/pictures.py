"""Charts as SVG: bars in groups, and lines over time. Each series has a name and a colour."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

COLOURS = ("#1a5fb4", "#c64600", "#26a269", "#813d9c", "#986a44", "#5e5c64")
"""They differ in lightness, too, so that they can be told apart in print."""

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 860, 190, 20, 60, 34
BAR, GAP = 9, 12
HEIGHT = 220


def bars(
    title: str, groups: Mapping[str, Mapping[str, float]], *, most: float, unit: str = "%"
) -> str:
    """A chart of horizontal bars.

    Args:
        title: What it shows.
        groups: The figures of each group by series; every group has the same series.
        most: The figure that is as long as the chart is wide.
        unit: "%" for shares of 1, or what stands behind each figure.
    """
    names = [*next(iter(groups.values()))]
    each_height = BAR * len(names) + GAP
    height = TOP + each_height * len(groups) + BOTTOM
    room = WIDTH - LEFT - RIGHT - 50

    def parts() -> Iterator[str]:
        yield from _legend(names)
        for row, (group, figures) in enumerate(groups.items()):
            top = TOP + row * each_height
            middle = top + BAR * len(names) / 2 + 4
            yield _text(LEFT - 8, middle, group, anchor="end")
            for index, name in enumerate(names):
                length = max(0.0, min(figures[name] / most, 1.0)) * room
                y = top + index * BAR
                yield (
                    f'<rect x="{LEFT}" y="{y:.1f}" width="{length:.1f}" height="{BAR - 2}" '
                    f'fill="{_colour(index)}"/>'
                )
                yield _text(LEFT + length + 4, y + BAR - 2, _figure(figures[name], unit), size=8)

    return _drawn(title, height, parts())


def curves(title: str, series: Mapping[str, Sequence[float]], *, most: float, unit: str) -> str:
    """A chart of lines; the values of a series are as far apart as its length tells.

    Args:
        title: What it shows, with the unit of time.
        series: The values by name, each series over the same time.
        most: The value at the top.
        unit: What a value is, at the top of the axis.
    """
    bottom = TOP + HEIGHT
    room = WIDTH - LEFT / 3 - RIGHT

    def parts() -> Iterator[str]:
        yield from _legend([*series])
        left = LEFT / 3
        yield f'<path d="M{left:.0f} {TOP}V{bottom}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>'
        yield _text(left - 6, TOP + 4, f"{most:g}", anchor="end")
        yield _text(left - 6, bottom, "0", anchor="end")
        yield _text(left, TOP - 8, unit)
        for index, values in enumerate(series.values()):
            step = room / max(1, len(values) - 1)
            points = " ".join(
                f"{left + n * step:.1f},{bottom - min(1.0, value / most) * HEIGHT:.1f}"
                for n, value in enumerate(values)
            )
            yield f'<polyline points="{points}" fill="none" stroke="{_colour(index)}"/>'

    return _drawn(title, TOP + HEIGHT + BOTTOM, parts())


def _drawn(title: str, height: float, parts: Iterator[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img" font-family="sans-serif">'
    )
    ground = f'<rect width="{WIDTH}" height="{height:.0f}" fill="#fff"/>'
    heading = _text(10, 20, title, size=14)
    return "\n".join([head, f"<title>{escape(title)}</title>", ground, heading, *parts, "</svg>\n"])


def _legend(names: Sequence[str]) -> Iterator[str]:
    x = 10.0
    for index, name in enumerate(names):
        yield f'<rect x="{x:.0f}" y="32" width="10" height="10" fill="{_colour(index)}"/>'
        yield _text(x + 14, 41, name)
        x += 30 + 7 * len(name)


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 11) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _figure(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "%" else f"{value:.3g} {unit}"


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]
