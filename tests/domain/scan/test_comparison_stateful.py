"""Buckets change, scans come by, journeys end or fail; a plain dictionary is the judge.

The model is what a person would write down: per path, what the bucket holds now, and what the store
holds. After a scan and the journeys it began, both agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.domain.file import attempt, file_policy, known_documents, outcomes
from shared.domain.file.record import Change, FailureKind, FileRecord, FileStatus, Slot
from shared.domain.scan.comparison import Comparison, Wanted, compare, paired_by_path

START = datetime(2026, 3, 2, tzinfo=UTC)
POLICY = file_policy.FilePolicy()
PATHS = st.sampled_from(["a", "é"])
S = FileStatus


class PlanningMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.bucket: dict[str, Wanted] = {}
        self.store: dict[str, str] = {}
        self.records: dict[str, FileRecord] = {}
        self.generation = 0
        self.scans = 0

    @property
    def now(self) -> datetime:
        return START + timedelta(minutes=self.scans)

    # --- the bucket -------------------------------------------------------------------------

    @rule(path=PATHS, content=st.integers(0, 2), title=st.integers(0, 1))
    def put(self, path: str, content: int, title: int) -> None:
        """Content 0 is an empty file, which is skipped."""
        self.generation += 1
        self.bucket[path] = Wanted(
            path=path,
            generation=self.generation,
            metageneration=1,
            size=content,
            content_hash=f"h{content}",
            metadata_digest=f"m{title}",
            key=f"k{path}{content}{title}",
            skip_reason=None if content else "empty",
        )

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        self.bucket.pop(path, None)

    # --- scans ------------------------------------------------------------------------------

    def scanned(self, *, removes: bool) -> Iterable[tuple[str, Comparison]]:
        self.scans += 1
        records = [self.records[path] for path in sorted(self.records)]
        wants = [self.bucket[path] for path in sorted(self.bucket)]
        for want, record in paired_by_path(wants, records):
            finding = compare(
                want,
                record,
                batch_id=f"b{self.scans}",
                fence=self.scans,
                removes=removes,
                now=self.now,
            )
            path = want.path if want else record.path if record else ""
            if finding is not None:
                yield path, finding
                if finding.record is not None:
                    self.records[path] = finding.record

    @rule()
    def scan(self) -> None:
        before = dict(self.records)
        for path, finding in self.scanned(removes=True):
            assert finding.change is self.expected(path, before.get(path)), path
        for path, want in self.bucket.items():
            assert self.records[path].desired_key == (None if want.skip_reason else want.key)
            if want.key == self.store.get(path):
                assert self.records[path].status is S.INDEXED, "nothing is imported twice"

    def expected(self, path: str, record: FileRecord | None) -> Change:
        """What a person would call it, from the bucket, the store and the last scan's wish."""
        want = self.bucket.get(path)
        if want is None:
            return Change.REMOVED
        if want.skip_reason:
            return Change.SKIPPED
        if record is None or record.status is S.DELETED:
            return Change.NEW
        held = self.store.get(path)
        if want.key == held and record.status in (S.REMOVAL_CANDIDATE, S.PENDING, S.FAILED):
            return Change.UNCHANGED
        if want.key == record.desired_key and record.status is not S.REMOVAL_CANDIDATE:
            return Change.UNCHANGED
        if held is None:
            return Change.NEW if record.status is S.SKIPPED else Change.CHANGED
        return Change.METADATA_CHANGED if held[:-1] == want.key[:-1] else Change.CHANGED

    @rule()
    def scan_without_removing(self) -> None:
        before = dict(self.records)
        for path, finding in self.scanned(removes=False):
            vanished = path not in self.bucket and path in self.store
            if vanished and finding.record is not None:
                assert finding.record.status is before[path].status

    @rule()
    def scan_again_and_find_nothing_new(self) -> None:
        for _ in self.scanned(removes=True):
            pass
        first = dict(self.records)
        for path, finding in self.scanned(removes=True):
            assert finding.change in (Change.UNCHANGED, Change.SKIPPED, Change.REMOVED), path
        for path, record in self.records.items():
            assert record.status is first[path].status
            assert record.schedule.seq == first[path].schedule.seq

    # --- journeys ---------------------------------------------------------------------------

    @rule()
    def journeys_end_well(self) -> None:
        for path, record in self.records.items():
            if record.schedule.slot is Slot.UPLOAD:
                moved = attempt.upload_begun(record, "files/x")
                moved = attempt.uploaded(moved, None, self.now, POLICY, is_active=True)
                moved = attempt.import_begun(moved, "o", ())
                moved = known_documents.document_known(moved, f"d{self.scans}")
                self.records[path] = outcomes.settled(moved, self.now)
                assert record.desired_key is not None
                self.store[path] = record.desired_key

    @rule(path=PATHS)
    def a_journey_fails(self, path: str) -> None:
        record = self.records.get(path)
        if record is not None and record.schedule.slot is Slot.UPLOAD:
            begun = attempt.upload_begun(record, "files/x")
            self.records[path] = outcomes.failed(
                begun, FailureKind.PERMANENT, "no", 400, self.now, POLICY
            )

    @rule()
    def candidates_are_removed(self) -> None:
        for path, record in self.records.items():
            if record.status is S.REMOVAL_CANDIDATE:
                begun = outcomes.removal_begun(record, "b", "polls", self.now, POLICY)
                self.records[path] = outcomes.removed(begun, self.now)
                del self.store[path]

    # --- what must always hold --------------------------------------------------------------

    @invariant()
    def records_know_what_the_store_holds(self) -> None:
        known = {path: r.current_key for path, r in self.records.items() if r.current_key}
        assert known == self.store

    @invariant()
    def only_candidates_and_wanted_files_are_touched(self) -> None:
        for record in self.records.values():
            if record.status is S.INDEXED:
                assert record.desired_key == record.current_key
            if record.status is S.REMOVAL_CANDIDATE:
                assert record.current_document
                assert record.schedule.slot is None


TestPlanning = PlanningMachine.TestCase
TestPlanning.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
