"""The table of all figures, and what has changed since the last one that was committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.benchmarks.report.figures import Figure, Section

NOISE = 0.2
"""How much a figure of another machine, or of another run, may differ without meaning anything."""

EXACT = 0.001

_WIDTHS = (52, 12, 15, 12)


def lines(sections: Sequence[Section], before: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """The lines of the table.

    Args:
        sections: What was measured.
        before: The committed figures, by section and name.
    """
    yield _line("", "figure", "goal", "before", "baselines")
    for section in sections:
        yield ""
        yield section.title
        known = before.get(section.name, {})
        for figure in section.figures:
            yield _row(figure, known.get(figure.name))
        for remark in section.remarks:
            yield f"  {remark}"
    figures = [(each, figure) for each in sections for figure in each.figures]
    missed = [f"{each.name}: {figure.name}" for each, figure in figures if not figure.is_met]
    with_goal = sum(figure.goal is not None for _, figure in figures)
    yield ""
    yield f"{with_goal - len(missed)} of {with_goal} goals are met" + (
        "; these are not:" if missed else ""
    )
    yield from (f"  {each}" for each in missed)


def shown(value: float, unit: str) -> str:
    """A figure as people read it."""
    if unit == "%":
        return f"{value:.1%}"
    if unit == "USD":
        return f"{value:.7f}"
    digits = 0 if abs(value) >= 1000 or value == round(value) else 1 if abs(value) >= 100 else 2
    text = f"{value:,.{digits}f}"
    return f"{text} {unit}".strip()


def _row(figure: Figure, before: float | None) -> str:
    unit = figure.unit
    goal = ""
    if figure.goal is not None:
        mark = "ok" if figure.is_met else "SHORT"
        bound = shown(figure.goal.limit, unit if unit in ("%", "USD") else "")
        goal = f"{figure.goal.sign} {bound} {mark}"
    others = ", ".join(f"{name} {shown(each, unit)}" for name, each in figure.baselines.items())
    note = f" ({figure.note})" if figure.note else ""
    return _line(
        f"  {figure.name}", shown(figure.value, unit), goal, _change(figure, before), others + note
    )


def _change(figure: Figure, before: float | None) -> str:
    """What the figure was, if it is another one now."""
    if before is None:
        return "new"
    margin = EXACT if figure.is_exact else NOISE
    if abs(figure.value - before) <= margin * max(abs(before), abs(figure.value)):
        return ""
    return shown(before, figure.unit)


def _line(*cells: str) -> str:
    name, *rest = cells
    *columns, last = rest
    text = f"{name:{_WIDTHS[0]}}"
    for cell, width in zip(columns, _WIDTHS[1:], strict=True):
        text += f" {cell:>{width}}"
    return f"{text}   {last}".rstrip()
