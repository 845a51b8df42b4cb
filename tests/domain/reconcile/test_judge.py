"""What becomes of a path whose documents and record don't agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.file import known_documents, outcomes
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.record import (
    Change,
    Current,
    Desired,
    FileRecord,
    FileStatus,
    FileTask,
    RawFile,
    Schedule,
    Slot,
)
from shared.domain.reconcile.judge import Discrepancy, Judge, StoredDocument
from tests.file_records import current, wanting, working

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
S = FileStatus

JUDGE = Judge(batch_id="b2", fence=2, now=NOW, policy=FilePolicy(), scanned=False, removes=True)
AFTER_SCAN = replace(JUDGE, scanned=True)
ADD_ONLY = replace(AFTER_SCAN, removes=False)

INDEXED = FileRecord(
    path="a.md",
    status=S.INDEXED,
    desired=Desired("k1", generation=5),
    current=current("d1", "k1"),
)


def document(name: str = "d2", key: str = "k1", *, state: str = "active") -> StoredDocument:
    return StoredDocument(
        path="a.md",
        name=name,
        key=key,
        content_hash="h of " + key,
        size=7,
        is_active=state == "active",
        is_failed=state == "failed",
        created_at=None,
    )


def mended(judge: Judge, record: FileRecord, *documents: StoredDocument, live: str) -> FileRecord:
    judgement = judge.unknown(record, documents, live.split())
    assert judgement is not None
    assert judgement.record is not None
    return judgement.record


# --- without a record -------------------------------------------------------------------------


def test_before_the_scan_a_document_is_adopted_and_the_scan_decides() -> None:
    judgement = JUDGE.orphan(document(), None)

    assert judgement.kind is Discrepancy.ORPHAN
    record = judgement.record
    assert record is not None
    assert (record.status, record.rescan) == (S.INDEXED, True)
    assert record.current == Current("k1", "d2", "h of k1", 7)
    assert record.desired == Desired("k1")


def test_after_the_scan_it_is_a_candidate_unless_nothing_is_ever_removed() -> None:
    removed, kept = AFTER_SCAN.orphan(document(), None), ADD_ONLY.orphan(document(), None)

    assert removed.record is not None
    assert (removed.record.status, removed.record.change) == (S.REMOVAL_CANDIDATE, Change.REMOVED)
    assert known_documents.documents_to_remove(removed.record) == ("d2",)
    assert kept.record is not None
    assert kept.record.status is S.INDEXED


def test_a_failed_document_is_only_to_be_deleted_and_one_that_is_pending_waits() -> None:
    failed = JUDGE.orphan(document(state="failed"), None).record

    assert failed is not None
    assert (failed.status, failed.current) == (S.REMOVAL_CANDIDATE, None)
    assert failed.stale_documents == ("d2",)
    assert JUDGE.orphan(document(state="pending"), None).kind is Discrepancy.UNDECIDED


# --- with a record ----------------------------------------------------------------------------


def test_what_the_record_knows_by_now_is_nothing() -> None:
    assert JUDGE.unknown(INDEXED, [document("d1")], ["d1"]) is None


@pytest.mark.parametrize(
    ("key", "staying", "stale"),
    [("k1", "d1", ("d2",)), ("k0", "d1", ("d2",))],
)
def test_of_two_the_one_that_is_wanted_stays(key: str, staying: str, stale: tuple[str]) -> None:
    record = mended(AFTER_SCAN, INDEXED, document(key=key), live="d1 d2")

    assert (record.status, record.new_document) == (S.IMPORTING, staying)
    assert known_documents.forerunners(record) == stale


def test_the_wanted_one_takes_the_place_of_another() -> None:
    outdated = wanting(INDEXED, "k2")
    record = mended(AFTER_SCAN, outdated, document(key="k2"), live="d1 d2")

    assert (record.new_document, record.working_key) == ("d2", "k2")
    assert known_documents.forerunners(record) == ("d1",)
    assert outcomes.settled(record, NOW).status is S.INDEXED


def test_a_document_takes_the_place_of_one_that_is_gone() -> None:
    record = mended(JUDGE, INDEXED, document(key="k2"), live="d2")

    assert (record.new_document, record.desired_key) == ("d2", "k2")
    assert outcomes.settled(record, NOW).status is S.INDEXED


def test_a_failure_is_not_forgotten_for_a_document_of_other_content() -> None:
    failed = wanting(replace(INDEXED, status=S.FAILED, current=None), "k2")
    other = mended(JUDGE, failed, document(key="k1"), live="d2")
    wanted = mended(JUDGE, failed, document(key="k2"), live="d2")

    assert (other.status, other.current_document) == (S.FAILED, "d2")
    assert wanted.status is S.IMPORTING


@pytest.mark.parametrize(
    ("status", "desired"),
    [(S.SKIPPED, Desired(skip_reason="empty", generation=5)), (S.REMOVAL_CANDIDATE, None)],
)
def test_documents_of_what_is_not_wanted_are_candidates(
    status: FileStatus, desired: Desired | None
) -> None:
    unwanted = replace(INDEXED, status=status, desired=desired, current=None)
    record = mended(AFTER_SCAN, unwanted, document(), live="d2")

    assert record.status is S.REMOVAL_CANDIDATE
    assert known_documents.documents_to_remove(record) == ("d2",)


@pytest.mark.parametrize("key", ["k1", "k0"])
def test_an_upload_that_waits_for_its_import_is_spared_it_where_the_document_is_there(
    key: str,
) -> None:
    """Its import was paid for: it took effect when nobody waited for it any more."""
    uploaded = working(raw_file=RawFile("files/1"))
    waiting = replace(INDEXED, status=S.UPLOADED, current=None, working=uploaded)
    record = mended(AFTER_SCAN, waiting, document(key=key), live="d2")

    if key == "k1":
        assert (record.status, record.new_document) == (S.IMPORTING, "d2")
    else:
        assert (record.status, record.working) == (S.UPLOADED, uploaded)
        assert record.stale_documents == ("d2",)


@pytest.mark.parametrize("status", [S.UPLOADING, S.UPLOADED, S.IMPORTING, S.UNCERTAIN, S.DELETING])
def test_what_is_under_way_is_left_to_itself(status: FileStatus) -> None:
    next_step = Schedule(1, FileTask("its next step", "polls", NOW))
    under_way = replace(INDEXED, status=status, schedule=next_step)
    judgement = JUDGE.unknown(under_way, [document()], ["d1", "d2"])

    assert judgement is not None
    assert (judgement.kind, judgement.record) == (Discrepancy.UNDECIDED, None)


# --- without its document ---------------------------------------------------------------------


def test_a_ghost_is_imported_again_and_a_leftover_goes_then() -> None:
    gone = JUDGE.ghost(INDEXED, leftover=False).record
    left = JUDGE.ghost(INDEXED, leftover=True).record

    assert gone is not None
    assert left is not None
    assert (gone.status, gone.schedule.slot, gone.current) == (S.PENDING, Slot.UPLOAD, None)
    assert known_documents.documents_to_remove(gone) == ()
    assert known_documents.documents_to_remove(left) == ("d1",)


@pytest.mark.parametrize("status", [S.FAILED, S.REMOVAL_CANDIDATE, S.PENDING])
def test_what_is_not_indexed_only_learns_that_its_document_is_gone(status: FileStatus) -> None:
    lost = JUDGE.ghost(replace(INDEXED, status=status), leftover=False).record

    assert lost is not None
    assert (lost.status, lost.current) == (status, None)


# --- always -----------------------------------------------------------------------------------

DOCUMENTS = st.lists(
    st.builds(
        document,
        st.sampled_from(["d1", "d2", "d3", "d4"]),
        st.sampled_from(["k0", "k1", "k2"]),
        state=st.sampled_from(["active", "failed", "pending"]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda each: each.name,
)


@given(
    st.sampled_from([JUDGE, AFTER_SCAN, ADD_ONLY]),
    st.sampled_from([status for status in S if status is not S.DELETED]),
    st.sampled_from([None, "k1", "k2"]),
    st.booleans(),
    DOCUMENTS,
)
def test_no_document_is_forgotten_and_one_that_is_searched_for_stays_or_is_a_candidate(
    judge: Judge,
    status: FileStatus,
    desired: str | None,
    current_is_live: bool,
    documents: list[StoredDocument],
) -> None:
    holds = status is not S.SKIPPED
    record = replace(
        INDEXED,
        status=status,
        desired=Desired(desired, generation=5) if desired and holds else None,
        current=INDEXED.current if holds else None,
    )
    live = {each.name for each in documents if not each.is_failed} | (
        {"d1"} if current_is_live else set()
    )
    judgement = judge.unknown(record, documents, live)

    after = judgement.record if judgement else None
    if after is None:
        return
    known = known_documents.documents_to_remove(after)
    assert {each.name for each in documents} <= {*known}, "forgotten"
    assert {*known_documents.documents_to_remove(record)} <= {*known}, "forgotten"
    if after.status is S.IMPORTING:
        assert after.new_document in live
        assert {*known_documents.forerunners(after), after.new_document} == {*known}
    else:
        assert after.status in (status, S.REMOVAL_CANDIDATE)


# --- skipped files that keep their documents --------------------------------------------------

UNREADABLE = Desired(skip_reason="unreadable", generation=5)
REFUSED_BY_US = Desired(
    skip_reason="unsupported_type", generation=5, content_hash="h of k1", size=7
)


@pytest.mark.parametrize("desired", [UNREADABLE, REFUSED_BY_US])
def test_a_kept_document_is_found_again(desired: Desired) -> None:
    record = replace(INDEXED, status=S.SKIPPED, desired=desired, current=None)
    found = mended(AFTER_SCAN, record, document(), live="d2")

    assert (found.status, found.current_document, found.stale_documents) == (S.SKIPPED, "d2", ())
    assert found.asks_first is (desired is REFUSED_BY_US)


def test_a_second_document_of_an_unreadable_file_is_only_noted() -> None:
    record = replace(INDEXED, status=S.SKIPPED, desired=UNREADABLE)
    found = mended(AFTER_SCAN, record, document(), live="d1 d2")

    assert (found.status, found.current_document) == (S.SKIPPED, "d1")
    assert found.stale_documents == ("d2",)


def test_a_kept_document_that_is_gone_is_asked_about_no_more() -> None:
    record = replace(INDEXED, status=S.SKIPPED, desired=REFUSED_BY_US, asks_first=True)
    lost = AFTER_SCAN.ghost(record, leftover=False).record

    assert lost is not None
    assert (lost.status, lost.current, lost.asks_first) == (S.SKIPPED, None, False)
