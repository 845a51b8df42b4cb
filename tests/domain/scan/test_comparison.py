from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.record import (
    Change,
    Claim,
    Current,
    Desired,
    Failure,
    FailureKind,
    FileRecord,
    FileStatus,
    ImportCall,
    NewDocument,
    RawFile,
    Requests,
    Schedule,
    Slot,
    Tries,
)
from shared.domain.scan import comparison
from shared.domain.scan.comparison import (
    Comparison,
    Wanted,
    compare,
    end_of,
    paired_by_path,
    replanned,
)
from tests.file_records import working

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
S = FileStatus

WANT = Wanted(
    path="a.md",
    generation=5,
    metageneration=1,
    size=7,
    content_hash="h1",
    metadata_digest="m1",
    key="k1",
    media_type="text/markdown",
)
INDEXED = FileRecord(
    path="a.md",
    status=S.INDEXED,
    batch_id="b0",
    fence=1,
    desired=Desired(
        key="k1",
        generation=5,
        metageneration=1,
        size=7,
        tokens=2,
        content_hash="h1",
        metadata_digest="m1",
        media_type="text/markdown",
    ),
    current=Current("k1", "d1", "h1", 7),
)
NEWER = replace(WANT, generation=6, content_hash="h2", size=8, key="k2")
RETITLED = replace(WANT, metageneration=2, metadata_digest="m2", key="k3")
EMPTIED = replace(WANT, generation=6, size=0, content_hash="h0", key="k0", skip_reason="empty")


def found(
    want: Wanted | None, record: FileRecord | None, *, removes: bool = True, fence: int = 2
) -> Comparison | None:
    return compare(want, record, batch_id="b1", fence=fence, removes=removes, now=NOW)


def told(
    want: Wanted | None, record: FileRecord | None, *, removes: bool = True
) -> tuple[Change, FileStatus | None]:
    """The change, and the status written (None: nothing is)."""
    finding = found(want, record, removes=removes)
    assert finding is not None
    return finding.change, finding.record.status if finding.record else None


def test_a_new_object_begins_a_journey() -> None:
    finding = found(WANT, None)

    assert finding is not None
    assert finding.record is not None
    assert finding.change is Change.NEW
    new = finding.record
    assert new.status is S.PENDING
    assert new.schedule == Schedule(1, slot=Slot.UPLOAD, ready_at=NOW)
    assert (new.desired, new.batch_id, new.fence) == (INDEXED.desired, "b1", 2)


def test_a_new_object_that_is_not_to_be_indexed_is_skipped() -> None:
    finding = found(EMPTIED, None)

    assert finding is not None
    assert finding.record is not None
    assert (finding.change, finding.record.status) == (Change.SKIPPED, S.SKIPPED)
    assert finding.record.desired == Desired(
        key=None,
        skip_reason="empty",
        generation=6,
        metageneration=1,
        size=0,
        tokens=0,
        content_hash="h0",
        metadata_digest="m1",
        media_type="text/markdown",
    )


@pytest.mark.parametrize(
    ("want", "change"),
    [(NEWER, Change.CHANGED), (RETITLED, Change.METADATA_CHANGED)],
    ids=["content", "metadata"],
)
def test_content_and_metadata_are_told_apart_and_both_begin_a_journey(
    want: Wanted, change: Change
) -> None:
    assert told(want, INDEXED) == (change, S.PENDING)


def test_an_unchanged_object_is_not_written() -> None:
    assert told(WANT, INDEXED) == (Change.UNCHANGED, None)


def test_a_rewrite_of_the_same_bytes_is_noted_and_no_journey() -> None:
    rewritten = replace(WANT, generation=6)
    finding = found(rewritten, INDEXED)

    assert finding is not None
    assert finding.record is not None
    assert (finding.change, finding.record.status) == (Change.UNCHANGED, S.INDEXED)
    assert INDEXED.desired is not None
    assert finding.record.desired == replace(INDEXED.desired, generation=6)


@pytest.mark.parametrize("generation", [4, 5])
def test_a_smaller_version_is_in_doubt_and_compared_by_what_it_is(generation: int) -> None:
    smaller = replace(NEWER, generation=generation, metageneration=0)
    assert comparison.is_in_doubt(smaller, INDEXED)
    assert not comparison.is_in_doubt(NEWER, INDEXED)
    assert not comparison.is_in_doubt(WANT, INDEXED)
    assert told(smaller, INDEXED)[0] is Change.CHANGED


def test_a_scan_that_was_overtaken_writes_nothing_over_its_followers_findings() -> None:
    newer = replace(INDEXED, fence=3)

    for want in (NEWER, RETITLED, EMPTIED, None):
        finding = found(want, newer, fence=2)
        assert finding is None or finding.record is None


# --- vanished ---------------------------------------------------------------------------------


def test_a_vanished_object_makes_a_candidate_and_deletes_nothing() -> None:
    finding = found(None, INDEXED)

    assert finding is not None
    assert finding.record is not None
    assert (finding.change, finding.record.status) == (Change.REMOVED, S.REMOVAL_CANDIDATE)
    assert (finding.record.current, finding.record.desired) == (INDEXED.current, None)


@pytest.mark.parametrize("status", [S.INDEXED, S.FAILED, S.SKIPPED, S.PENDING])
def test_add_only_leaves_the_documents_of_vanished_objects_alone(status: FileStatus) -> None:
    finding = found(None, replace(INDEXED, status=status), removes=False)
    assert finding is None or finding.record is None


@pytest.mark.parametrize("status", [S.PENDING, S.FAILED, S.SKIPPED])
def test_a_vanished_object_that_never_was_in_the_store_is_forgotten(status: FileStatus) -> None:
    record = replace(INDEXED, status=status, current=None)
    finding = found(None, record)

    assert finding is not None
    assert finding.record is not None
    assert finding.record.status is S.DELETED


@pytest.mark.parametrize("status", [S.UPLOADING, S.UPLOADED, S.IMPORTING, S.UNCERTAIN])
@pytest.mark.parametrize("want", [None, NEWER, RETITLED, EMPTIED], ids=str)
def test_a_journey_under_way_is_aimed_and_not_moved(
    want: Wanted | None, status: FileStatus
) -> None:
    record = replace(
        INDEXED,
        status=status,
        claim=Claim("c", NOW),
        working=working(
            "k1",
            raw_file=RawFile("files/x"),
            import_call=ImportCall("o", "operations/1"),
            new_document=NewDocument("d2"),
        ),
        schedule=Schedule(4),
        tries=Tries(attempts=2),
    )
    finding = found(want, record)

    assert finding is not None
    assert finding.record is not None
    after = finding.record
    kept = ("status", "claim", "working", "schedule", "tries", "current")
    assert [getattr(after, name) for name in kept] == [getattr(record, name) for name in kept]
    wanted_key = None if want is None or want.skip_reason else want.key
    assert after.desired_key == wanted_key


def test_a_deleted_file_that_is_still_gone_is_nothing_to_speak_of() -> None:
    assert found(None, replace(INDEXED, status=S.DELETED)) is None
    assert found(None, None) is None


def test_a_deleted_file_that_is_back_is_new() -> None:
    gone = replace(INDEXED, status=S.DELETED, desired=None, current=None)
    assert told(WANT, gone) == (Change.NEW, S.PENDING)


def test_a_candidate_that_is_back_as_it_was_is_kept() -> None:
    gone = found(None, INDEXED)
    assert gone is not None
    assert gone.record is not None

    assert told(WANT, gone.record) == (Change.UNCHANGED, S.INDEXED)
    assert told(NEWER, gone.record) == (Change.CHANGED, S.PENDING)


@pytest.mark.parametrize("status", [S.FAILED, S.REMOVAL_CANDIDATE])
def test_a_document_is_not_kept_beside_another_that_was_never_verified(status: S) -> None:
    """Nothing would delete the other one, which the store may hold."""
    failed = replace(
        INDEXED,
        status=status,
        desired=replace(INDEXED.desired or Desired(), key="other"),
        working=working("other", new_document=NewDocument("d2")),
    )

    finding = found(WANT, failed)
    assert finding is not None
    assert finding.record is not None
    assert finding.record.status is S.PENDING
    removing = replace(failed, status=S.DELETING)
    assert comparison.came_back(removing, WANT, "b2", NOW).status is S.PENDING


@pytest.mark.parametrize("status", [S.PENDING, S.UPLOADING, S.FAILED])
def test_what_changed_and_changed_back_before_its_import_is_not_imported(status: S) -> None:
    changed = found(NEWER, INDEXED)
    assert changed is not None
    assert changed.record is not None
    failure = Failure("no", kind=FailureKind.PERMANENT)
    waiting = replace(changed.record, status=status, failure=failure)

    back = found(replace(WANT, generation=7), waiting)

    assert back is not None
    assert back.record is not None
    assert (back.change, back.record.status) == (Change.UNCHANGED, S.INDEXED)
    assert (back.record.schedule.slot, back.record.failure) == (None, None)
    assert comparison.is_in_doubt(NEWER, back.record), "an older listing"


def test_what_changed_back_while_it_is_uploaded_goes_its_way() -> None:
    changed = found(NEWER, INDEXED)
    assert changed is not None
    assert changed.record is not None
    uploading = replace(
        changed.record,
        status=S.UPLOADING,
        working=working("k2", raw_file=RawFile("files/x")),
        claim=Claim("c", NOW),
    )

    assert told(replace(WANT, generation=7), uploading) == (
        Change.METADATA_CHANGED,
        S.UPLOADING,
    )


# --- skipped ----------------------------------------------------------------------------------


def test_an_indexed_object_that_is_skipped_now_is_a_candidate_with_its_reason() -> None:
    finding = found(EMPTIED, INDEXED)

    assert finding is not None
    assert finding.record is not None
    assert finding.record.status is S.REMOVAL_CANDIDATE
    assert finding.record.skip_reason == "empty"


def test_a_skipped_object_is_not_written_again_and_comes_alive_as_new() -> None:
    first = found(EMPTIED, None)
    assert first is not None
    assert first.record is not None

    assert told(EMPTIED, first.record) == (Change.SKIPPED, None)
    assert told(replace(NEWER, generation=7), first.record) == (Change.NEW, S.PENDING)


# --- failed -----------------------------------------------------------------------------------

FAILED = replace(
    INDEXED,
    status=S.FAILED,
    current=None,
    failure=Failure("no", kind=FailureKind.PERMANENT),
)


@pytest.mark.parametrize("want", [NEWER, RETITLED], ids=["content", "metadata"])
def test_a_failed_file_is_tried_again_when_content_or_metadata_changes(want: Wanted) -> None:
    finding = found(want, FAILED)

    assert finding is not None
    assert finding.record is not None
    assert (finding.record.status, finding.record.failure) == (S.PENDING, None)


def test_an_unchanged_permanent_failure_stays() -> None:
    assert told(WANT, FAILED) == (Change.UNCHANGED, None)


def test_a_journey_begun_by_a_scan_counts_the_requests_of_its_own_batch() -> None:
    finding = found(NEWER, replace(INDEXED, requests=Requests(2, 1, 5)))

    assert finding is not None
    assert finding.record is not None
    assert (finding.record.requests, finding.record.batch_id) == (Requests(0, 0, 0), "b1")


def test_a_page_that_is_repeated_says_the_same_again() -> None:
    for want, record in ((WANT, None), (NEWER, INDEXED), (None, INDEXED), (EMPTIED, INDEXED)):
        first = found(want, record)
        assert first is not None
        again = found(want, first.record)
        assert again is not None
        assert again.change is first.change
        assert again.record in (None, first.record)


# --- an object that is not what was planned ---------------------------------------------------


def test_a_journey_that_meets_other_content_begins_with_it() -> None:
    record = replace(INDEXED, status=S.UPLOADING, working=working("k1"), upload_epoch=1)
    after = replanned(record, NEWER, NOW, FilePolicy())

    assert (after.status, after.desired_key, after.upload_epoch) == (S.PENDING, "k2", 2)


def test_a_journey_that_meets_the_same_content_under_another_generation_keeps_its_upload() -> None:
    uploaded = working("k1", raw_file=RawFile("f", is_active=True))
    record = replace(INDEXED, status=S.UPLOADED, working=uploaded)
    after = replanned(record, replace(WANT, generation=9), NOW, FilePolicy())

    assert (after.status, after.schedule.slot) == (S.UPLOADED, Slot.IMPORT)
    assert after.working == uploaded
    assert INDEXED.desired is not None
    assert after.desired == replace(INDEXED.desired, generation=9)


@pytest.mark.parametrize("want", [None, EMPTIED], ids=["gone", "emptied"])
def test_a_journey_that_meets_nothing_to_index_ends_as_a_candidate_at_most(
    want: Wanted | None,
) -> None:
    record = replace(INDEXED, status=S.UPLOADED, working=working("k1"))
    assert replanned(record, want, NOW, FilePolicy()).status is S.REMOVAL_CANDIDATE


def test_the_last_look_keeps_what_is_as_it_was_indexed_and_brings_what_is_not() -> None:
    deleting = replace(INDEXED, status=S.DELETING, desired=None)

    assert comparison.came_back(deleting, WANT, "b1", NOW).status is S.INDEXED
    assert comparison.came_back(deleting, NEWER, "b1", NOW).status is S.PENDING
    half_gone = replace(deleting, stale_documents=("d0",))
    assert comparison.came_back(half_gone, WANT, "b1", NOW).status is S.PENDING


# --- marching and guards ----------------------------------------------------------------------


@given(st.sets(st.text(min_size=1, max_size=3)), st.sets(st.text(min_size=1, max_size=3)))
def test_two_sorted_sides_are_paired_by_path_each_once(left: set[str], right: set[str]) -> None:
    wants = [replace(WANT, path=path) for path in sorted(left)]
    records = [replace(INDEXED, path=path) for path in sorted(right)]

    pairs = [(w and w.path, r and r.path) for w, r in paired_by_path(wants, records)]

    everything = sorted(left | right)
    assert pairs == [(p if p in left else None, p if p in right else None) for p in everything]


edges = st.sampled_from(["a", "\x7f", "\u07ff", "\ud7ff", "\ue000", "\uffff", "\U0010ffff"])
any_name = st.text(st.characters(exclude_categories=["Cs"]) | edges, max_size=4)


@given(any_name.filter(bool), any_name)
def test_the_end_of_a_prefix_parts_the_names_with_it_from_those_after_it(
    prefix: str, name: str
) -> None:
    end = end_of(prefix).encode()  # also a possible name, so it can be sent
    inside = prefix.encode() <= name.encode() and (not end or name.encode() < end)
    assert inside is name.startswith(prefix)
    assert not end or (prefix + name).encode() < end


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("", ""),
        ("a/", "a0"),
        ("a\ud7ff", "a\ue000"),
        ("a\U0010ffff", "b"),
        ("\ud7ff\U0010ffff\U0010ffff", "\ue000"),
        ("\U0010ffff", ""),
        ("\U0010ffff\U0010ffff", ""),
    ],
)
def test_the_end_of_a_prefix_is_carried_over_surrogates_and_the_last_code_point(
    prefix: str, end: str
) -> None:
    assert end_of(prefix) == end


def test_wanted_rows_have_all_that_a_journey_needs() -> None:
    finding = found(WANT, None)
    assert finding is not None
    assert finding.record is not None
    names = [
        "generation",
        "metageneration",
        "size",
        "content_hash",
        "metadata_digest",
        "media_type",
    ]
    assert [getattr(finding.record.desired, name) for name in names] == [
        getattr(WANT, name) for name in names
    ]
