"""One page of the scan: compares a range of names in the bucket with its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.domain.batch.batch import Batch, SyncMode, count_of_rule, counts_by_rule
from shared.domain.estimate.preview import SAMPLES, Names, Preview, Sample, named, previewed
from shared.domain.file.record import Change, FileRecord
from shared.domain.ids import digest
from shared.domain.scan import comparison
from shared.domain.scan.remembered_range import RememberedRange, listing_digest
from shared.gateways.database import queries
from shared.gateways.database.records import Stored
from shared.gateways.ports import Query, Write
from shared.services.context import Context
from shared.services.lease.set_aside import SetAside
from shared.services.scan.page_changes import PageChanges
from shared.services.scan.page_listing import Listing, with_sidecars, with_sidecars_elsewhere
from shared.services.scan.page_memory import PageMemory
from shared.services.scan.range_records import RECORDS, RangeRecords
from shared.services.scan.rescan_paths import RescanPaths
from shared.services.source.inspection import inspect

GROWTH = 1.5
"""Pages to which a remembered range may grow before it is split."""


@dataclass(frozen=True, slots=True)
class ScannedPage:
    """The result of scanning one page.

    Attributes:
        next_start: The first name of the next page; empty after the last one.
        counts: Files scanned, and files by kind of change.
        memory: Writes of the page memory. Commit them with the page's result: otherwise a repeated
            page would count as unchanged.
        preview: What a dry run would change; None otherwise.
        oldest_change: When the first of the new and changed objects changed; None without any.
        names: The names of what a dry run would change; None otherwise.
    """

    next_start: str
    counts: Mapping[str, int]
    memory: tuple[Write, ...] = ()
    preview: Preview | None = None
    oldest_change: datetime | None = None
    names: Names | None = None


class ScanPage:
    """Scans pages of one batch."""

    def __init__(self, context: Context, batch: Batch, rescan_paths: RescanPaths) -> None:
        self._context = context
        self._batch = batch
        self._rescan_paths = rescan_paths
        self._ranges = PageMemory(context)
        self._range_records = RangeRecords(context, batch)
        self._set_aside = SetAside(context, batch)
        # Ranges belong to scans of the whole deployment; a scan of a part only drops them.
        self._is_whole = batch.prefix == context.rules.settings.prefix
        self._changes = PageChanges(context, batch, self._set_aside, is_whole=self._is_whole)

    def __call__(self, start: str) -> ScannedPage:
        """Scan the page that begins at the name ``start``, and write its records.

        Raises:
            GatewayError: the listing failed; nothing was written.
        """
        known = self._ranges.get(start) if self._is_whole else None
        listing = self._list(start, known)
        identity = listing_digest(listing.objects, listing.sidecars)
        settings = self._settings()
        trusted = self._batch.mode is not SyncMode.FULL and not self._rescan_paths(
            start, listing.end
        )
        query = queries.records_in_range(
            max(start, self._batch.prefix),
            listing.end or comparison.end_of(self._batch.prefix),
            self._most_records + 1,
        )
        same = known if known and known.end == listing.end else None
        if (
            same
            and trusted
            and same.says(identity, settings)
            and self._range_records.is_complete(same)
        ):
            return ScannedPage(listing.end, same.counts, preview=self._skips(listing, same))

        found = self._read(query, start, listing.end)
        if len(found) > self._most_records:
            listing = listing.cut(found.pop().present.path)
            identity = listing_digest(listing.objects, listing.sidecars)
        wide = with_sidecars_elsewhere(self._context, listing, found)
        is_short = self._range_records.are_lost(known, wide, found)
        unknown = self._rescan_paths.counts
        counts, steps = self._changes(wide, found, unknown, is_short=is_short)
        shows_all = len(wide.sidecars) == len(listing.sidecars)
        is_sure = shows_all and self._changes.is_sure and not counts.get(Change.SET_ASIDE)
        memory = self._memory_writes(known, listing, identity if is_sure else "", settings, counts)
        if not self._batch.dry_run:
            oldest = self._changes.oldest_change
            return ScannedPage(listing.end, counts, tuple(memory), oldest_change=oldest)
        preview = previewed(steps, self._batch.retried)
        return ScannedPage(listing.end, counts, tuple(memory), preview, names=named(steps))

    # --- the bucket -------------------------------------------------------------------------

    def _list(self, start: str, known: RememberedRange | None) -> Listing:
        bucket, size = self._context.bucket, self._context.rules.page_size
        prefix = self._batch.prefix
        if known is not None:
            most = int(size * GROWTH)
            objects = bucket.list_objects(prefix=prefix, start=start, end=known.end, limit=most + 1)
            if len(objects) <= most:
                return with_sidecars(self._context, start, known.end, objects)
        objects = bucket.list_objects(prefix=prefix, start=start, limit=size + 1)
        end = objects[size].name if len(objects) > size else ""
        return with_sidecars(self._context, start, end, objects[:size])

    # --- the records ------------------------------------------------------------------------

    @property
    def _most_records(self) -> int:
        """The most records of one page: a page with more, whose objects are gone, is cut short."""
        return int(self._context.rules.page_size * GROWTH) * 2

    def _read(self, query: Query, start: str, end: str) -> list[Stored[FileRecord]]:
        """The records that match, by path; those whose documents are damaged are set aside."""
        found = self._context.records.query(FileRecord, query)
        for each in self._set_aside():
            path = each.present.path
            if start <= path and (not end or path < end):
                found.append(each)
        return sorted(found, key=lambda each: each.present.path)

    def _skips(self, listing: Listing, known: RememberedRange) -> Preview | None:
        """A dry run's preview of a remembered page: examples of the objects it skips.

        They are inspected again, since the memory holds only their number, with what the records
        know of their content.
        """
        if not self._batch.dry_run:
            return None
        if not known.counts.get(Change.SKIPPED):
            return Preview()
        query = queries.records_in_range(
            max(listing.start, self._batch.prefix),
            listing.end or comparison.end_of(self._batch.prefix),
            self._most_records,
        )
        records = [each.present for each in self._context.records.query(FileRecord, query)]
        wanted = inspect(self._context, listing.objects, listing.sidecars, records)
        skips = [Sample(want.path, want.skip_reason) for want in wanted if want.skip_reason]
        return Preview(samples={Change.SKIPPED.value: tuple(skips[:SAMPLES])})

    # --- the memory -------------------------------------------------------------------------

    def _memory_writes(
        self,
        known: RememberedRange | None,
        listing: Listing,
        identity: str,
        settings: str,
        counts: Mapping[str, int],
    ) -> list[Write]:
        """Writes that remember the range; without an ``identity``, so that it is read again."""
        if self._batch.dry_run or not self._is_whole or counts.get(Change.YOUNG):
            return []
        scanned, skipped = counts.get("scanned", 0), counts.get(Change.SKIPPED, 0)
        next_time = {
            "scanned": scanned,
            Change.SKIPPED.value: skipped,
            Change.UNCHANGED.value: scanned - skipped,
            RECORDS: counts[RECORDS],
        } | {count_of_rule(rule): count for rule, count in counts_by_rule(counts).items()}
        new = RememberedRange(listing.start, listing.end, identity, settings, counts=next_time)
        return [] if new == known else self._ranges.writes_to_save(known, new)

    def _settings(self) -> str:
        """A digest of what a page's decisions depend on apart from its listing."""
        settings, batch = self._context.rules.settings, self._batch
        return digest(settings.scan_digest, batch.delete_policy, batch.store)
