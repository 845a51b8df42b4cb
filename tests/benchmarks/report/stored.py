"""Figures as JSON: those of a run, and those that are committed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.report.figures import Figure, Section, Size

COMMITTED = Path(__file__).parents[3] / "docs" / "bench.json"
"""The figures that pages tell, and that runs are compared with."""

_DIGITS = 6
"""Significant digits that are kept."""


def as_json(sections: Sequence[Section], size: Size) -> str:
    """The figures of a run."""
    table = {
        "schema_version": 1,
        "size": size.value,
        "sections": {each.name: _section(each) for each in sections},
    }
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def kept(sections: Sequence[Section], size: Size, path: Path = COMMITTED) -> None:
    """Keep the figures of these sections in the committed file, and leave the others."""
    new = json.loads(as_json(sections, size))
    old = json.loads(path.read_text("utf-8")) if path.exists() else {"sections": {}}
    merged = {**new, "sections": {**old["sections"], **new["sections"]}}
    path.write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n", "utf-8")


def values(path: Path = COMMITTED) -> Mapping[str, Mapping[str, float]]:
    """The kept figures by section and name; none without a file."""
    return {
        name: {figure: each["value"] for figure, each in figures.items()}
        for name, figures in _kept(path).items()
    }


def baselines(path: Path = COMMITTED) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """The kept figures of others, by section, name and baseline."""
    return {
        name: {figure: each.get("baselines", {}) for figure, each in figures.items()}
        for name, figures in _kept(path).items()
    }


def _kept(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    sections = json.loads(path.read_text("utf-8"))["sections"]
    return {name: section["figures"] for name, section in sections.items()}


def _section(section: Section) -> dict[str, Any]:
    figures = {figure.name: _figure(figure) for figure in section.figures}
    return {"title": section.title, "figures": figures, "remarks": [*section.remarks]}


def _figure(figure: Figure) -> dict[str, Any]:
    row: dict[str, Any] = {"value": _short(figure.value), "unit": figure.unit}
    if figure.goal is not None:
        row["goal"] = f"{figure.goal.sign} {_short(figure.goal.limit)}"
        row["met"] = figure.is_met
    if figure.baselines:
        row["baselines"] = {name: _short(each) for name, each in figure.baselines.items()}
    if not figure.is_exact:
        row["exact"] = False
    if figure.note:
        row["note"] = figure.note
    return row


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
