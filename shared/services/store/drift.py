"""Compares the store's document count with the records': the cheapest check of the store.

The scan's own counts tell what the records hold. These are counted, a read for a thousand, only if
the store's count contradicts.
"""

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
        is_counted: Whether the records were counted.
    """

    stored: int = 0
    held: int = 0
    error: str = ""
    is_counted: bool = False

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
    """Makes one unmetered request, and counts the records unless the scan's counts agree."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, store_name: str, expected: int | None, foreign: int = 0) -> Drift:
        """Compare the counts; call it while no file is under way.

        Args:
            store_name: Resource name of the store.
            expected: Documents that the records hold by the scan's counts, None if unknown. If the
                store holds these and the foreign ones, the records are not counted.
            foreign: Foreign documents that are known.

        Raises:
            GatewayError: the store could not be read.
        """
        context = self._context
        store = context.gemini.get_store(store_name)
        if expected is not None and store.documents == expected + foreign:
            return Drift(store.documents, expected)
        held = context.records.documents.count(queries.in_store(store_name))
        return Drift(store.documents, held, is_counted=True)
