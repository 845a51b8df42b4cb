"""What a benchmark measures: figures, each beside its goal and its baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class Size(Enum):
    """How much is measured: to see that it works, in a quarter of an hour, or in hours."""

    SMOKE = "smoke"
    USUAL = "usual"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure is good if it is at least, or at most, ``limit``."""

    limit: float
    at_least: bool = False

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    @property
    def sign(self) -> str:
        return ">=" if self.at_least else "<="


def at_least(limit: float) -> Goal:
    """More is better."""
    return Goal(limit, at_least=True)


def at_most(limit: float) -> Goal:
    """Less is better."""
    return Goal(limit)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: What was measured, unique in its section.
        value: The figure.
        unit: Its unit; "%" for a share of 1.
        goal: What it should be; None: it is told, and that is all.
        baselines: The same figure of others, measured in the same run.
        is_exact: Whether another machine gets the same, since it is counted or in virtual time.
        note: What a reader must know.
    """

    name: str
    value: float
    unit: str
    goal: Goal | None = None
    baselines: Mapping[str, float] = field(default_factory=dict)
    is_exact: bool = True
    note: str = ""

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.goal.is_met(self.value)


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one measurement.

    Attributes:
        name: Its key in the JSON, and the beginning of its pictures' names.
        title: What was measured, and how much of it.
        figures: The figures.
        pictures: SVG by name.
        remarks: What the figures mean together.
    """

    name: str
    title: str
    figures: tuple[Figure, ...]
    pictures: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


Measurement = Callable[[Size], Section]
