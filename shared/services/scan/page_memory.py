"""Stores remembered ranges: they never overlap, and are dropped if a part of them changes.

What makes a range unchanged is decided in ``domain.scan.remembered_range``.
"""

from __future__ import annotations

from shared.domain.scan.remembered_range import RememberedRange
from shared.gateways.database import queries
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import range_path
from shared.gateways.ports import Delete, Put, Write
from shared.services.context import Context


class PageMemory:
    """Reads remembered ranges, and makes the writes that save and drop them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, start: str) -> RememberedRange | None:
        """The range that begins at ``start``, or None."""
        return self._context.records.get(RememberedRange, range_path(start)).record

    def writes_to_save(self, known: RememberedRange | None, new: RememberedRange) -> list[Write]:
        """Writes that save ``new`` and drop the ranges that it overlaps.

        ``known`` is the range that had begun at its start. Commit the range's records first.
        """
        writes: list[Write] = [Put(range_path(new.start), to_fields(new))]
        if known is None or known.end != new.end:
            writes += self._deletes_within(new.start, new.end)
        return writes

    def forget(self, start: str, end: str) -> None:
        """Drop every range that overlaps start <= name < end: its records are about to change."""
        records = self._context.records
        writes = self._deletes_within(start, end)
        for before in records.query(RememberedRange, queries.range_at(start)):
            if not before.present.end or before.present.end > start:
                writes.append(Delete(before.path))
        if writes:
            records.documents.commit(writes)

    def _deletes_within(self, start: str, end: str) -> list[Write]:
        inside = self._context.records.query(RememberedRange, queries.ranges_between(start, end))
        return [Delete(stored.path) for stored in inside]
