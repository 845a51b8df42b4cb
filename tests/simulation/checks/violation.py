"""A broken promise, by its name."""

from __future__ import annotations


class Violation(AssertionError):
    """An invariant is broken."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant


def require(condition: object, invariant: str, *details: object) -> None:
    """Raise ``Violation`` with the details unless the condition holds."""
    if not condition:
        raise Violation(invariant, " ".join(map(str, details)))
