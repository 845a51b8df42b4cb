"""The memory of page ranges, kept true: never overlapping, and never of a part that changed."""

from __future__ import annotations

from shared.domain.ids import digest
from shared.domain.scan.remembered_range import RememberedRange
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.database import queries
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import range_path
from shared.gateways.ports import Delete, Put, Write
from shared.services.context import Context


class PageMemory:
    """Reads and writes the ranges."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, start: str) -> RememberedRange | None:
        """The range that begins at ``start``."""
        return self._context.records.get(RememberedRange, range_path(start)).record

    def writes_to_save(self, known: RememberedRange | None, new: RememberedRange) -> list[Write]:
        """Writes that remember a range whose records are written, instead of what it overlaps."""
        writes: list[Write] = [Put(range_path(new.start), to_fields(new))]
        if known is None or known.end != new.end:
            writes += self._deletes_within(new.start, new.end)
        return writes

    def forget(self, start: str, end: str) -> None:
        """Drop every range that overlaps: its records were written for another listing."""
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


def listing_digest(objects: list[ObjectInfo], sidecars: dict[str, ObjectInfo]) -> str:
    """All that decisions are made from, of a page's objects and of sidecars beyond its edge."""
    return digest(
        "listing",
        [info.identity for info in objects],
        [info.identity for _, info in sorted(sidecars.items())],
    )
