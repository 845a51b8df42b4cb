"""What the store counts against what the records say: the cheapest sign that something is amiss."""

from __future__ import annotations

from dataclasses import dataclass

from shared.gateways.database import queries
from shared.services.context import Context


@dataclass(frozen=True, slots=True)
class Drift:
    """Documents of the store beyond those that records hold.

    Attributes:
        stored: By the store's own count, in whatever state.
        held: By the records.
        error: Why the store could not be asked; then there are no figures.
    """

    stored: int = 0
    held: int = 0
    error: str = ""

    @property
    def difference(self) -> int | None:
        """Negative: documents are missing. None: unknown."""
        return None if self.error else self.stored - self.held

    def __str__(self) -> str:
        if self.error:
            return f"the store could not be compared with the records: {self.error}"
        if not self.difference:
            return ""
        return f"the store counts {self.stored} documents, the records {self.held}"


class MeasureDrift:
    """One unmetered request; and a count of the records, unless a scan's own count agrees."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, store_name: str, expected: int | None) -> Drift:
        """Compare; meant for a moment when no file is under way.

        Args:
            store_name: The store.
            expected: Documents to expect after a scan. If the store has so many, they aren't
                counted, which is billed for each thousand.

        Raises:
            GatewayError: the store could not be asked.
        """
        context = self._context
        store = context.gemini.get_store(store_name)
        if store.documents == expected:
            return Drift(expected, expected)
        held = context.records.documents.count(queries.in_store(store_name))
        return Drift(store.documents, held)
