"""One page of the scan: compares a range of names in the bucket with its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.batch.batch import (
    Batch,
    DeletePolicy,
    SyncMode,
    count_of_rule,
    counts_by_rule,
    earliest,
)
from shared.domain.estimate.preview import (
    SAMPLES,
    Names,
    PlannedChange,
    Preview,
    Sample,
    named,
    previewed,
)
from shared.domain.file import known_documents, outcomes
from shared.domain.file.record import IN_FLIGHT, Change, Desired, FileRecord, FileStatus
from shared.domain.ids import digest
from shared.domain.scan import comparison
from shared.domain.scan.remembered_range import RememberedRange, listing_digest
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.database import queries
from shared.gateways.database.records import Stored, creating, file_path, updating
from shared.gateways.ports import Create, Query, Write
from shared.services.context import Context
from shared.services.lease.set_aside import SetAside
from shared.services.scan.page_listing import (
    Listing,
    may_gain_sidecar,
    with_sidecars,
    with_sidecars_elsewhere,
)
from shared.services.scan.page_memory import PageMemory
from shared.services.scan.range_records import RECORDS, RangeRecords
from shared.services.scan.rescan_paths import RescanPaths
from shared.services.source.inspection import inspect, inspect_each, inspect_one
from shared.services.store.find_store import NOT_YET

GROWTH = 1.5
"""Pages to which a remembered range may grow before it is split."""

METADATA_TOKENS = "metadata_tokens"
"""The count of tokens to embed for files whose metadata alone changed."""


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
        # Whether every record was compared with this listing; otherwise the page isn't remembered.
        self._is_sure = True
        self._set_aside = SetAside(context, batch)
        self._oldest_change: datetime | None = None
        # Ranges belong to scans of the whole deployment; a scan of a part only drops them.
        self._is_whole = batch.prefix == context.rules.settings.prefix

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
        counts, steps = self._decide(wide, found, is_short=is_short)
        shows_all = len(wide.sidecars) == len(listing.sidecars)
        is_sure = shows_all and self._is_sure and not counts.get(Change.SET_ASIDE)
        memory = self._memory_writes(known, listing, identity if is_sure else "", settings, counts)
        if not self._batch.dry_run:
            oldest = self._oldest_change
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

    def _decide(
        self, listing: Listing, found: list[Stored[FileRecord]], *, is_short: bool
    ) -> tuple[dict[str, int], list[PlannedChange]]:
        """Compare, and write the records unless in a dry run; returns counts and changes.

        ``is_short`` says whether an object without a record may be one whose record is lost.
        """
        now = self._context.clock.now()
        known = [each.present for each in found]
        wanted = inspect(self._context, listing.objects, listing.sidecars, known)
        stored = {each.present.path: each for each in found}
        counts: Counter[str] = Counter(scanned=len(wanted), **self._rescan_paths.counts)
        counts.update(count_of_rule(want.rule) for want in wanted if want.rule)
        writes: dict[str, Write] = {}
        steps: list[PlannedChange] = []
        for want, record, is_outdated in self._pairs(wanted, known):
            here = self._in_batch_store(record)
            finding = self._compare(want, here, now)
            if is_short and record is None:
                finding = self._not_yet(finding)
            after = (finding and finding.record) or here
            if is_outdated and after is not None:
                after = replace(after, rescan=True)
            if finding is not None:
                counts[finding.change] += 1
                self._note_age(want, finding.change)
                steps += _planned(finding, want, record, after)
            if after is not None and after != record:
                writes[after.path] = _write(after, stored.get(after.path))
        for base in listing.bases_elsewhere:
            self._compare_elsewhere(listing, base, counts, steps, now)
        if tokens := sum(map(_tokens_of_metadata_change, steps)):
            counts[METADATA_TOKENS] = tokens
        counts[RECORDS] = len(found) + sum(isinstance(each, Create) for each in writes.values())
        if writes and not self._batch.dry_run:
            if not self._is_whole:
                self._ranges.forget(max(listing.start, self._batch.prefix), listing.end)
            _count_as_aside(self._commit(writes, now), steps, counts)
        return dict(counts), steps

    def _note_age(self, want: comparison.Wanted | None, change: Change) -> None:
        """Note when the object changed, for the age of the oldest change."""
        if want is not None and change in (Change.NEW, Change.CHANGED):
            self._oldest_change = earliest(self._oldest_change, want.changed_at)

    def _not_yet(self, finding: comparison.Comparison | None) -> comparison.Comparison | None:
        """Set aside what looks new, since the store may hold a document of it."""
        if finding is None or finding.record is None or finding.change is not Change.NEW:
            return finding
        return comparison.Comparison(Change.SET_ASIDE, self._set_aside.lost(finding.record.path))

    def _compare_elsewhere(
        self,
        listing: Listing,
        base: ObjectInfo,
        counts: Counter[str],
        steps: list[PlannedChange],
        now: datetime,
    ) -> None:
        """Compare an object of another page that a sidecar of this page belongs to.

        Its own page finds the sidecar, unless nothing else tells that the object has changed. Then
        it is compared here, and counted here unless its page will count it.
        """
        stored = self._context.records.get(FileRecord, file_path(base.name))
        before = self._in_batch_store(stored.record)
        is_mine = base.name.startswith(self._batch.prefix)
        if not is_mine or before is None or may_gain_sidecar(base, before):
            return
        finding = self._compare(inspect_one(self._context, base.name, before), before, now)
        if finding is None or finding.record is None or finding.change is Change.UNCHANGED:
            return
        is_counted = finding.change is Change.SKIPPED  # by its own page, with that change
        if not is_counted and (self._batch.dry_run or base.name < listing.start):
            counts.update({finding.change: 1, Change.UNCHANGED: -1})
        steps.append(PlannedChange(finding.change, stored.record, finding.record))
        if not self._batch.dry_run:
            self._ranges.forget(base.name, base.name + "\0")
            self._commit({base.name: _write(finding.record, stored)}, now)

    def _pairs(
        self, wanted: list[comparison.Wanted], known: list[FileRecord]
    ) -> Iterator[tuple[comparison.Wanted | None, FileRecord | None, bool]]:
        """Objects with their records by path, and whether the listing of the object is outdated.

        An object whose listing is in doubt is looked at again.
        """
        pairs = list(comparison.paired_by_path(wanted, known))
        doubtful = {
            record.path: record
            for want, record in pairs
            if want is not None and record is not None and comparison.is_in_doubt(want, record)
        }
        found = inspect_each(self._context, doubtful.values()) if doubtful else {}
        for want, record in pairs:
            is_doubtful = record is not None and record.path in doubtful
            fresh = found.get(record.path) if record is not None and is_doubtful else want
            yield fresh, record, fresh != want

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

    def _in_batch_store(self, record: FileRecord | None) -> FileRecord | None:
        """The record as seen from the batch's store, which may be a new one."""
        if record is None or not self._batch.store:
            return record
        if self._batch.store == NOT_YET and record.status in IN_FLIGHT:
            # A move would have been refused, so their store is gone: the sync starts them anew.
            record = outcomes.given_up(replace(record, working=None), self._context.clock.now())
        return known_documents.moved_to_store(record, self._batch.store)

    def _compare(
        self, want: comparison.Wanted | None, record: FileRecord | None, now: datetime
    ) -> comparison.Comparison | None:
        if comparison.is_passed_over(record, self._batch.fence):
            self._is_sure = False
        return comparison.compare(
            want,
            record,
            batch_id=self._batch.batch_id,
            fence=self._batch.fence,
            removes=self._batch.delete_policy is DeletePolicy.MIRROR,
            now=now,
        )

    def _commit(self, writes: Mapping[str, Write], now: datetime) -> list[str]:
        """Write the records; returns the paths of those that turned out to be set aside.

        If a worker or another delivery of this page changed a record first, this listing may be
        out of date: then the object is read and compared again. So it is if a document doesn't tell
        its path, so that only its id shows to which object it belongs.
        """
        aside: list[str] = []
        records = self._context.records
        names = {write.path: name for name, write in writes.items()}
        for write in records.commit_each(list(writes.values())):
            self._is_sure = False
            path = names[write.path]

            def decide(stored: Stored[FileRecord], path: str = path) -> FileRecord | None:
                known = self._set_aside.record(stored, path) or stored.record
                here = self._in_batch_store(known and replace(known, path=path))
                finding = self._compare(inspect_one(self._context, path, here), here, now)
                after = (finding and finding.record) or here
                if after is None or after == stored.record:
                    return None
                return replace(after, rescan=True)

            written = records.change(FileRecord, write.path, decide).record
            if written is not None and written.aside:
                aside.append(path)
        return aside

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


def _without_record(want: comparison.Wanted) -> FileRecord:
    """What a preview shows of an object that a rule leaves out, and that has no record."""
    desired = Desired(key=None, skip_reason=want.skip_reason)
    return FileRecord(path=want.path, status=FileStatus.SKIPPED, desired=desired)


def _planned(
    finding: comparison.Comparison,
    want: comparison.Wanted | None,
    before: FileRecord | None,
    after: FileRecord | None,
) -> list[PlannedChange]:
    shown = _without_record(want) if want and finding.is_left_out else after
    return [] if shown is None else [PlannedChange(finding.change, before, shown)]


def _count_as_aside(paths: list[str], steps: list[PlannedChange], counts: Counter[str]) -> None:
    """Correct the counts for paths that turned out to be set aside when they were written."""
    found = {step.after.path: step.change for step in steps}
    for path in paths:
        if path in found and found[path] is not Change.SET_ASIDE:
            counts[found[path]] -= 1
            counts[Change.SET_ASIDE] += 1


def _tokens_of_metadata_change(step: PlannedChange) -> int:
    """Tokens to embed again although the content is unchanged."""
    is_only_metadata = step.change is Change.METADATA_CHANGED
    return step.after.desired.tokens if is_only_metadata and step.after.desired else 0


def _write(record: FileRecord, stored: Stored[FileRecord] | None) -> Write:
    if stored is None:
        return creating(file_path(record.path), record)
    return updating(stored.path, record, stored.version, stored.record)
