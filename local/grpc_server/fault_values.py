"""The values of the faults that a server injects."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultValues:
    """Base of a server's faults; each is a fraction or a delay, and 0 by default.

    Attributes:
        seed: The seed of the choice of what is affected.

    Raises:
        ValueError: A ``*_fraction`` is not between 0 and 1, or a delay not finite or below 0 s.
    """

    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name.endswith("_fraction") and not 0 <= value <= 1:
                raise ValueError(f"{name} must be between 0 and 1, not {value}")
            if name.endswith("delay") and not 0 <= value < float("inf"):
                raise ValueError(f"{name} must be 0 s or more, not {value}")

    def updated(self, changes: object) -> Self:
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
        return type(self)(**{**asdict(self), **changes})
