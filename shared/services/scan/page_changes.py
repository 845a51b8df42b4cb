"""The changes of one page: its objects compared with its records, and what is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from shared.domain.batch.batch import Batch, DeletePolicy, count_of_rule, earliest
from shared.domain.estimate.preview import PlannedChange
from shared.domain.file import known_documents, outcomes
from shared.domain.file.record import IN_FLIGHT, Change, Desired, FileRecord, FileStatus
from shared.domain.scan import comparison
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.database.records import Stored, creating, file_path, updating
from shared.gateways.ports import Create, Write
from shared.services.context import Context
from shared.services.lease.set_aside import SetAside
from shared.services.scan.page_listing import Listing, may_gain_sidecar
from shared.services.scan.page_memory import PageMemory
from shared.services.scan.range_records import RECORDS
from shared.services.source.inspection import inspect, inspect_each, inspect_one
from shared.services.store.find_store import NOT_YET

METADATA_TOKENS = "metadata_tokens"
"""The count of tokens to embed for files whose metadata alone changed."""


class PageChanges:
    """Compares a page's objects with its records, and writes the records that change.

    Attributes:
        is_sure: Whether every record was compared with this listing; otherwise the page isn't
            remembered.
        oldest_change: When the first of the new and changed objects changed; None without any.
    """

    def __init__(
        self, context: Context, batch: Batch, set_aside: SetAside, *, is_whole: bool
    ) -> None:
        """``is_whole`` says whether the batch scans the whole deployment."""
        self.is_sure = True
        self.oldest_change: datetime | None = None
        self._context = context
        self._batch = batch
        self._set_aside = set_aside
        self._is_whole = is_whole
        self._ranges = PageMemory(context)

    def __call__(
        self,
        listing: Listing,
        found: list[Stored[FileRecord]],
        unknown: Mapping[str, int],
        *,
        is_short: bool,
    ) -> tuple[dict[str, int], list[PlannedChange]]:
        """Compare, and write the records unless in a dry run; returns counts and changes.

        Args:
            listing: The page's objects.
            found: The page's records, by path.
            unknown: The count of records that don't tell their paths.
            is_short: Whether an object without a record may be one whose record is lost.
        """
        now = self._context.clock.now()
        known = [each.present for each in found]
        wanted = inspect(self._context, listing.objects, listing.sidecars, known)
        stored = {each.present.path: each for each in found}
        counts: Counter[str] = Counter(scanned=len(wanted), **unknown)
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
            self.oldest_change = earliest(self.oldest_change, want.changed_at)

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
            self.is_sure = False
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
            self.is_sure = False
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
