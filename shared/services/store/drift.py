"""Compares the store's document count with the records': the cheapest check of the store."""

from __future__ import annotations

from dataclasses import dataclass

from shared.gateways.database import queries
from shared.services.context import Context


@dataclass(frozen=True, slots=True)
class Drift:
    """The document counts of the store and of the records.

    Attributes:
        stored: Documents in any state, as the store counts them.
        held: Documents that the records hold.
        error: Why the store could not be read; empty if it was. With it there are no counts.
    """

    stored: int = 0
    held: int = 0
    error: str = ""

    @property
    def difference(self) -> int | None:
        """``stored`` less ``held``: negative if documents are missing, None if unknown."""
        return None if self.error else self.stored - self.held

    def __str__(self) -> str:
        if self.error:
            return f"the store could not be compared with the records: {self.error}"
        if not self.difference:
            return ""
        return f"the store counts {self.stored} documents, the records {self.held}"


class MeasureDrift:
    """Makes one unmetered request, and counts the records unless the scan's count agrees."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, store_name: str, expected: int | None) -> Drift:
        """Compare the counts; call it while no file is under way.

        Args:
            store_name: Resource name of the store.
            expected: Documents that the store should hold after the scan, None if unknown. If the
                store holds so many, the records are not counted: a count is billed by the thousand.

        Raises:
            GatewayError: the store could not be read.
        """
        context = self._context
        store = context.gemini.get_store(store_name)
        if store.documents == expected:
            return Drift(expected, expected)
        held = context.records.documents.count(queries.in_store(store_name))
        return Drift(store.documents, held)
