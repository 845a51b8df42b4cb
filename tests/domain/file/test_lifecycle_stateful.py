"""One file, many deliveries, crashes and scans; a handful of plain facts is the judge.

The model knows nothing of statuses. It keeps what really happened: which uploads and imports were
sent, what documents exist, which task numbers were given out, and who holds the file.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared.domain.file import attempt, known_documents, lifecycle, outcomes
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.lifecycle import LEGAL_MOVES, Step, Turn
from shared.domain.file.record import (
    UNFINISHED,
    FailureKind,
    FileRecord,
    FileStatus,
    Schedule,
    Slot,
)
from tests.file_records import desired, wanting

START = datetime(2026, 3, 2, tzinfo=UTC)
POLICY = FilePolicy()
MINUTE = timedelta(minutes=1)
S = FileStatus


class JourneyMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.content = 1
        self.sent = 0
        self.documents: dict[str, str] = {}
        self.tasks: set[str] = set()
        self.claims = 0
        self.record = FileRecord("a.md", S.DELETED)

    @initialize()
    def appears(self) -> None:
        self.change(replace(self.record, desired=desired("k1"), batch_id="b"))
        self.change(outcomes.begun(self.record, self.now))

    # --- what the machine does with a record ------------------------------------------------

    def change(self, after: FileRecord) -> None:
        """Every write is a legal move, and numbers of tasks never go back."""
        before, self.record = self.record, after
        path = (before.status, after.status)
        assert path[0] is path[1] or self.reachable(*path), path
        assert after.schedule.seq >= before.schedule.seq
        task = after.schedule.task
        if task is not None and task != before.schedule.task:
            assert task.id not in self.tasks
            self.tasks.add(task.id)

    def reachable(self, before: FileStatus, after: FileStatus) -> bool:
        """In one move, or in two where a function makes two in one write."""
        return after in LEGAL_MOVES[before] or any(
            after in LEGAL_MOVES[between] for between in LEGAL_MOVES[before]
        )

    @property
    def step(self) -> Step:
        return lifecycle.next_step(self.record)

    @property
    def is_claimable(self) -> bool:
        return lifecycle.turn(self.record, self.record.schedule.seq, self.now) is Turn.MINE

    @property
    def is_to_be_looked_at(self) -> bool:
        return self.record.schedule.look_at is not None

    @property
    def is_claimed(self) -> bool:
        claim = self.record.claim
        return claim is not None and self.now < claim.expires_at

    @property
    def attempts(self) -> int:
        return self.record.tries.attempts

    # --- time and the bucket ----------------------------------------------------------------

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * MINUTE

    @rule()
    def content_changes_in_flight(self) -> None:
        if self.record.status in (S.UPLOADING, S.UPLOADED, S.IMPORTING, S.UNCERTAIN):
            self.content += 1
            self.change(wanting(self.record, f"k{self.content}"))

    @rule()
    def content_changes_at_rest(self) -> None:
        if self.record.status in (S.INDEXED, S.FAILED):
            self.content += 1
            aimed = wanting(self.record, f"k{self.content}")
            self.change(outcomes.begun(aimed, self.now))

    # --- the pump and the deliveries --------------------------------------------------------

    @precondition(lambda self: self.record.schedule.slot is not None)
    @rule()
    def pump(self) -> None:
        expected = Step.UPLOAD if self.record.schedule.slot is Slot.UPLOAD else Step.IMPORT
        assert self.step is expected
        self.change(lifecycle.handed_on(self.record, "uploads", self.now, self.now, POLICY))

    @precondition(lambda self: self.is_claimable and self.step is Step.UPLOAD)
    @rule(fate=st.sampled_from(["active", "slow", "429", "error", "crash", "useless"]))
    def upload(self, fate: str) -> None:
        tries = self.attempts if self.record.working_key == self.record.desired_key else 0
        self.claim(attempt.upload_begun(self.record, f"files/{self.record.upload_epoch}"))
        assert self.attempts == tries + 1
        match fate:
            case "active":
                self.change(attempt.uploaded(self.record, None, self.now, POLICY, is_active=True))
            case "slow":
                self.change(attempt.uploaded(self.record, None, self.now, POLICY, is_active=False))
            case "429":
                self.change(attempt.given_back(self.record, self.now, self.now))
                assert self.attempts == tries
                assert self.record.failed_kind is None
            case "error":
                self.change(attempt.tried_again(self.record, "x", 503, self.now, 0.5, POLICY))
            case "useless":
                epoch = self.record.upload_epoch
                self.change(attempt.restarted(self.record, self.now, POLICY))
                assert self.record.status is S.FAILED or self.record.upload_epoch == epoch + 1

    @precondition(lambda self: self.is_claimable and self.step is Step.IMPORT)
    @rule()
    def finds_the_raw_file_not_active(self) -> None:
        self.claim(self.record)
        self.change(attempt.raw_isnt_active(self.record, self.now, POLICY))

    @precondition(lambda self: self.is_to_be_looked_at and self.step is Step.AWAIT_ACTIVE)
    @rule(active=st.booleans())
    def look_at_the_raw_file(self, *, active: bool) -> None:
        if active:
            self.change(attempt.raw_became_active(self.record, self.now))
        else:
            self.change(lifecycle.to_be_looked_at(self.record, self.now, self.now, POLICY))

    @precondition(lambda self: self.is_claimable and self.step is Step.IMPORT)
    @rule(fate=st.sampled_from(["named", "lost", "429", "error", "crash", "crash after"]))
    def import_file(self, fate: str) -> None:
        self.sent += 1
        self.claim(attempt.import_begun(self.record, f"o{self.sent}", ()))
        document = f"d{self.sent}"
        if fate in ("named", "lost", "crash after"):
            assert self.record.working_key is not None
            self.documents[document] = self.record.working_key
        match fate:
            case "named":
                named = attempt.import_started(self.record, f"op{self.sent}", self.now, POLICY)
                self.change(known_documents.document_known(named, document))
                self.change(lifecycle.to_be_looked_at(self.record, self.now, self.now, POLICY))
            case "lost":
                self.change(attempt.import_uncertain(self.record, self.now, POLICY))
            case "429":
                attempts = self.attempts
                self.change(attempt.given_back(self.record, self.now, self.now))
                assert self.attempts == attempts
            case "error":
                self.change(attempt.tried_again(self.record, "x", 503, self.now, 0.5, POLICY))

    @precondition(lambda self: self.is_claimable and self.step is Step.AWAIT_IMPORT)
    @rule()
    def a_delivery_finds_the_import_of_one_that_died(self) -> None:
        self.change(lifecycle.to_be_looked_at(self.record, self.now, self.now, POLICY))

    @precondition(lambda self: self.is_to_be_looked_at and self.step is Step.AWAIT_IMPORT)
    @rule(fate=st.sampled_from(["wait", "done", "failed", "hidden"]))
    def look_at_the_import(self, fate: str) -> None:
        if not self.record.new_document:
            self.change(attempt.import_uncertain(self.record, self.now, POLICY))
        elif fate == "wait":
            self.change(lifecycle.to_be_looked_at(self.record, self.now, self.now, POLICY))
        elif fate == "hidden":  # said not to be there, which may be for the moment only
            self.change(attempt.tried_again(self.record, "x", 404, self.now, 0.5, POLICY))
        elif fate == "failed":
            failed = self.record.new_document
            self.change(known_documents.document_going(self.record, failed))
            self.documents.pop(failed, None)
            self.change(known_documents.document_gone(self.record, failed))
            self.change(attempt.tried_again(self.record, "x", None, self.now, 0.5, POLICY))
        else:
            assert self.documents[self.record.new_document] == self.record.working_key
            self.change(known_documents.forerunners_going(self.record))
            for name in known_documents.forerunners(self.record):
                self.documents.pop(name, None)
            self.change(outcomes.settled(self.record, self.now))

    @precondition(lambda self: self.record.status is S.UNCERTAIN)
    @rule()
    def sweep(self) -> None:
        due = self.record.schedule.ready_at
        assert due is not None
        self.now = max(self.now, due)
        known = known_documents.documents_to_remove(self.record)
        mine = [
            name
            for name, key in self.documents.items()
            if key == self.record.working_key and name not in known
        ]
        if not mine:
            self.change(attempt.tried_again(self.record, "none", None, self.now, 0.5, POLICY))
            return
        stale = replace(self.record, stale_documents=(*self.record.stale_documents, *mine[:-1]))
        found = attempt.adopted(stale, mine[-1], self.now, POLICY)
        self.change(lifecycle.to_be_looked_at(found, self.now, self.now, POLICY))

    @precondition(lambda self: self.record.schedule.seq > 0)
    @rule(late_by=st.integers(1, 5))
    def an_older_task_is_delivered(self, late_by: int) -> None:
        seq = self.record.schedule.seq - late_by
        assert lifecycle.turn(self.record, seq, self.now) in (Turn.STALE, Turn.OVER)

    @precondition(lambda self: self.is_claimed)
    @rule()
    def the_same_task_is_delivered_twice(self) -> None:
        assert lifecycle.turn(self.record, self.record.schedule.seq, self.now) is Turn.BUSY

    def claim(self, record: FileRecord) -> None:
        self.claims += 1
        self.change(lifecycle.claimed(record, f"c{self.claims}", self.now, POLICY))

    # --- what must always hold --------------------------------------------------------------

    @invariant()
    def somebody_comes_for_an_unfinished_file(self) -> None:
        status, schedule = self.record.status, self.record.schedule
        if status in UNFINISHED and status is not S.UNCERTAIN:
            assert schedule.slot is not None or schedule.overdue_at is not None
            ways = (schedule.slot, schedule.task, schedule.look_at)
            assert sum(way is not None for way in ways) == 1

    @invariant()
    def a_file_at_rest_waits_for_nothing(self) -> None:
        if self.record.status not in UNFINISHED:
            assert self.record.schedule == Schedule(self.record.schedule.seq)
            assert self.record.claim is None

    @invariant()
    def an_indexed_file_has_nothing_on_its_way(self) -> None:
        if self.record.status is S.INDEXED:
            assert self.record.raw_file is None
            assert self.record.new_document is None

    @invariant()
    def an_indexed_file_holds_the_one_document_of_its_content(self) -> None:
        if self.record.status is S.INDEXED:
            assert self.record.current_key == self.record.desired_key
            assert self.documents == {self.record.current_document: self.record.current_key}

    @invariant()
    def no_document_is_forgotten(self) -> None:
        """Each is known to the record, or is of an import that the sweep still looks for."""
        known = set(known_documents.documents_to_remove(self.record))
        unknown = [name for name in self.documents if name not in known]
        if unknown:
            assert self.record.status in (S.IMPORTING, S.UNCERTAIN)
            assert {self.documents[name] for name in unknown} == {self.record.working_key}

    @invariant()
    def attempts_are_bounded_unless_processes_die(self) -> None:
        if self.record.status is S.FAILED:
            assert self.record.failed_kind is FailureKind.EXHAUSTED
            assert self.attempts >= 5


TestJourney = JourneyMachine.TestCase
TestJourney.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
