"""Faults that can be injected; by default there are none."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields
from typing import Final

from local.firestore.refusals import Code, Refused

_COMMITS: Final = frozenset({"Commit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """Which fraction of the calls fail, and how.

    Attributes:
        unavailable_fraction: The fraction of calls that are refused with UNAVAILABLE.
        aborted_fraction: The fraction of commits that are refused with ABORTED.
        lost_fraction: The fraction of calls that have their effect, but are answered with
            DEADLINE_EXCEEDED.
        seed: The seed of the choice.
    """

    unavailable_fraction: float = 0.0
    aborted_fraction: float = 0.0
    lost_fraction: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name.endswith("_fraction") and not 0 <= value <= 1:
                raise ValueError(f"{name} must be between 0 and 1, not {value}")

    def updated(self, changes: object) -> Faults:
        """Return a copy with some values changed.

        Args:
            changes: A decoded JSON object.

        Raises:
            ValueError: Not an object, an unknown name, or a value out of range.
        """
        if not isinstance(changes, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - one error for all bad input
        known = {field.name for field in fields(self)}
        if unknown := sorted(set(changes) - known):
            raise ValueError(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(known))}")
        for name, value in changes.items():
            wanted = int if name == "seed" else (int, float)
            if isinstance(value, bool) or not isinstance(value, wanted):
                raise ValueError(f"{name} must be a number, not {value!r}")  # noqa: TRY004 - as above
        return Faults(**{**asdict(self), **changes})


class FaultSwitch:
    """The faults in force, which may change while the server runs."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311 - no secret

    @property
    def faults(self) -> Faults:
        """The faults in force; setting them begins the choice anew."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._random.seed(faults.seed)

    def before(self, method: str) -> None:
        """Refuse a call that is chosen, before it has any effect."""
        if self._chosen(self._faults.unavailable_fraction):
            raise Refused(Code.UNAVAILABLE, "This fault was asked for.")
        if method in _COMMITS and self._chosen(self._faults.aborted_fraction):
            raise Refused(Code.ABORTED, "This fault was asked for.")

    def after(self) -> None:
        """Refuse a call that is chosen, after its effect."""
        if self._chosen(self._faults.lost_fraction):
            raise Refused(Code.DEADLINE_EXCEEDED, "This fault was asked for.")

    def _chosen(self, fraction: float) -> bool:
        return fraction > 0 and self._random.random() < fraction
