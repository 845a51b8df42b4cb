"""How many records a range of names has, and whether some of them are lost."""

from __future__ import annotations

from shared.domain.batch.batch import Batch
from shared.domain.file.record import FileRecord
from shared.domain.scan import comparison
from shared.domain.scan.remembered_range import RememberedRange
from shared.gateways.database import queries
from shared.gateways.database.records import Stored, file_path
from shared.services.context import Context
from shared.services.scan.page_listing import Listing

RECORDS = "records"
"""The count of records in a page's range, once it is scanned."""


class RangeRecords:
    """The records of the ranges that one batch scans, compared with what is remembered."""

    def __init__(self, context: Context, batch: Batch) -> None:
        self._context = context
        self._batch = batch

    def is_complete(self, known: RememberedRange) -> bool:
        """Whether the range has as many records as when it was scanned, if that is in doubt."""
        if not self._batch.recounts:
            return RECORDS in known.counts
        return known.counts.get(RECORDS) == self._count(known)

    def are_lost(
        self, known: RememberedRange | None, listing: Listing, found: list[Stored[FileRecord]]
    ) -> bool:
        """Whether records of the range are lost whose documents the store may hold.

        It holds none that the records don't know if it was listed before this scan, or if its count
        was compared when the loss was noticed. A record that doesn't tell its path isn't lost.
        """
        batch = self._batch
        if known is None or batch.reconciled or batch.recounts or batch.force:
            return False
        there = len(found) if known.end == listing.end else self._count(known)
        missing = known.counts.get(RECORDS, 0) - there
        if missing <= 0:
            return False
        names = {info.name for info in listing.objects} - {each.present.path for each in found}
        wanted = [(FileRecord, file_path(name)) for name in names]
        return missing > sum(bool(each.damage) for each in self._context.records.get_all(wanted))

    def _count(self, known: RememberedRange) -> int:
        """How many records the range has now."""
        prefix = self._batch.prefix
        start, end = max(known.start, prefix), known.end or comparison.end_of(prefix)
        query = queries.records_in_range(start, end, None)
        return self._context.records.documents.count(query)
