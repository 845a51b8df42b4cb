"""Each measurement runs, on sizes that tell nothing; nothing here is about time."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.__main__ import MEASUREMENTS, main
from tests.benchmarks.report import pictures, stored, table
from tests.benchmarks.report.figures import Figure, Section, Size, at_least, at_most

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_it_measures(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([name, "--size", "smoke", "--out", str(tmp_path)])

    (kept,) = json.loads((tmp_path / "bench.json").read_text())["sections"].values()
    assert kept["figures"]
    printed = capsys.readouterr().out
    assert all(figure in printed for figure in kept["figures"])
    for picture in tmp_path.glob("*.svg"):
        assert ET.fromstring(picture.read_text()).tag.endswith("svg")  # noqa: S314 - our own


def section(**values: float) -> Section:
    figures = [Figure(name, value, "s", at_most(2)) for name, value in values.items()]
    return Section("times", "Times", tuple(figures))


def test_the_table_marks_what_falls_short_and_what_has_changed() -> None:
    lines = [*table.lines([section(a=1, b=3)], {"times": {"a": 1.5, "b": 3.0}})]

    a, b = (next(line for line in lines if line.startswith(f"  {name} ")) for name in "ab")
    assert (a.split()[1:], b.split()[1:]) == (
        ["1", "s", "<=", "2", "ok", "1.50", "s"],
        ["3", "s", "<=", "2", "SHORT"],
    )
    assert lines[-2:] == ["1 of 2 goals are met; these are not:", "  times: b"]


@pytest.mark.parametrize(("value", "met"), [(0.96, False), (0.97, True), (0.98, True)])
def test_a_goal_may_be_a_least_figure(value: float, met: bool) -> None:
    assert Figure("used", value, "%", at_least(0.97)).is_met is met


def test_a_noisy_figure_has_changed_only_by_a_fifth() -> None:
    noisy = Section("n", "N", (Figure("f", 11.0, "s", is_exact=False),))

    assert "10" not in "".join(table.lines([noisy], {"n": {"f": 10.0}}))
    assert "8" in "".join(table.lines([noisy], {"n": {"f": 8.0}}))


def test_figures_that_are_kept_leave_those_of_other_sections(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    other = Section("other", "Other", (Figure("x", 1 / 3, "%"),))
    stored.kept([section(a=1), other], Size.USUAL, path)
    stored.kept([section(a=2)], Size.USUAL, path)

    assert stored.values(path) == {"times": {"a": 2.0}, "other": {"x": 0.333333}}


def test_a_bar_is_as_long_as_its_figure() -> None:
    drawn = pictures.bars("T <&>", {"g": {"a": 0.5, "b": 1.0, "c": 3.0}}, most=1.0)

    widths = [
        float(rect.attrib["width"])
        for rect in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}rect")  # noqa: S314
        if rect.attrib.get("x") == str(pictures.LEFT)
    ]
    assert widths[1] == pytest.approx(2 * widths[0])
    assert widths[2] == widths[1], "what is longer than the chart ends with it"
