from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.file import known_documents, lifecycle, outcomes, transfer
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.lifecycle import (
    LEGAL_MOVES,
    IllegalMove,
    Step,
    Turn,
    moved,
    next_step,
    turn,
)
from shared.domain.file.record import UNFINISHED, FailureKind, FileRecord, FileStatus, Slot

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
POLICY = FilePolicy()
S = FileStatus


def record(status: FileStatus = S.PENDING, **fields: object) -> FileRecord:
    known: dict[str, object] = {
        "path": "a.md",
        "status": status,
        "batch_id": "b1",
        "desired_key": "k1",
        "desired_content_hash": "h1",
        "desired_size": 7,
        "task_seq": 3,
        "task_id": "t3",
        "task_queue": "uploads",
    }
    return FileRecord(**{**known, **fields})  # type: ignore[arg-type]  # field names


# --- what fails each time ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stuck", "changes"),
    [
        (True, {}),
        (True, {"wait_deadline": NOW}),
        (False, {"errors_in_a_row": POLICY.stuck_after - 1}),
        (False, {"error_at": NOW - 2 * MINUTE}),  # this batch has not seen it fail
        (False, {"error_at": None}),
        (False, {"wait_deadline": NOW + SECOND}),  # it ends by that
        (False, {"failure_code": 429}),
        (False, {"status": S.UNCERTAIN}),  # a listing of the store decides
        (False, {"claim_id": "c1"}),  # somebody is at it
    ],
)
def test_no_batch_waits_for_what_fails_each_time(*, stuck: bool, changes: dict[str, Any]) -> None:
    known = {"errors_in_a_row": POLICY.stuck_after, "error_at": NOW, "failure_code": 503}
    file = record(**{"status": S.IMPORTING, **known, **changes})

    assert lifecycle.is_stuck(file, NOW - MINUTE, NOW, POLICY) is stuck


# --- moves ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", S)
@pytest.mark.parametrize("after", S)
def test_a_move_is_made_where_it_is_legal_and_refused_where_not(
    before: FileStatus, after: FileStatus
) -> None:
    if after is before or after in LEGAL_MOVES[before]:
        assert moved(record(before), after, task_seq=9) == record(after, task_seq=9)
    else:
        with pytest.raises(IllegalMove, match=r"a\.md"):
            moved(record(before), after)


def reachable(status: FileStatus) -> set[FileStatus]:
    """All that a file of that status can come to, sooner or later."""
    found: set[FileStatus] = set()
    more = {status}
    while more:
        more = {after for before in more for after in LEGAL_MOVES[before]} - found
        found |= more
    return found


@pytest.mark.parametrize("status", S)
def test_no_status_is_a_dead_end(status: FileStatus) -> None:
    assert reachable(status) == set(S)


def origins(status: FileStatus) -> set[FileStatus]:
    return {before for before, moves in LEGAL_MOVES.items() if status in moves}


def test_a_journey_takes_its_steps_in_order_and_only_candidates_are_deleted() -> None:
    assert origins(S.UPLOADING) == {S.PENDING}
    assert origins(S.UNCERTAIN) == {S.IMPORTING}
    assert origins(S.DELETING) == {S.REMOVAL_CANDIDATE}
    assert origins(S.UPLOADED) <= {S.UPLOADING, S.IMPORTING, S.UNCERTAIN}


def test_an_indexed_file_never_goes_back_to_an_import_or_to_failed_without_a_new_journey() -> None:
    """Where it is IMPORTING again, its document is only verified."""
    assert not LEGAL_MOVES[S.INDEXED] & {S.UPLOADING, S.UPLOADED, S.UNCERTAIN, S.FAILED}


@pytest.mark.parametrize(
    ("status", "active", "step"),
    [
        (S.PENDING, False, Step.UPLOAD),
        (S.UPLOADING, False, Step.UPLOAD),
        (S.UPLOADED, False, Step.AWAIT_ACTIVE),
        (S.UPLOADED, True, Step.IMPORT),
        (S.IMPORTING, True, Step.AWAIT_IMPORT),
        (S.DELETING, False, Step.REMOVE),
        *(
            (status, False, Step.NOTHING)
            for status in (
                S.INDEXED,
                S.UNCERTAIN,
                S.FAILED,
                S.SKIPPED,
                S.REMOVAL_CANDIDATE,
                S.DELETED,
            )
        ),
    ],
)
def test_each_status_has_its_step(status: FileStatus, step: Step, *, active: bool) -> None:
    assert next_step(record(status, raw_active=active)) is step


# --- whose turn it is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "seq", "expected"),
    [
        ({}, 3, Turn.MINE),
        ({}, 2, Turn.STALE),
        ({"slot": Slot.UPLOAD}, 3, Turn.OVER),
        ({"status": S.INDEXED}, 3, Turn.OVER),
        ({"status": S.INDEXED}, 2, Turn.OVER),
        ({"claim_id": "c", "claim_expires_at": NOW + SECOND}, 3, Turn.BUSY),
        ({"claim_id": "c", "claim_expires_at": NOW + SECOND}, 2, Turn.STALE),
        ({"claim_id": "c", "claim_expires_at": NOW}, 3, Turn.MINE),
        ({"claim_id": "c", "claim_expires_at": NOW - SECOND}, 3, Turn.MINE),
    ],
)
def test_a_delivery_finds_out_whose_turn_it_is(
    fields: dict[str, object], seq: int, expected: Turn
) -> None:
    assert turn(record(**fields), seq, NOW) is expected  # type: ignore[arg-type]  # field names


def test_a_claim_lives_660_seconds_and_is_overdue_two_minutes_later() -> None:
    claimed = lifecycle.claimed(record(), "c1", NOW, POLICY)

    assert claimed.claim_id == "c1"
    assert claimed.claim_expires_at == NOW + 660 * SECOND
    assert claimed.overdue_at == NOW + 780 * SECOND
    assert (claimed.task_seq, claimed.task_id) == (3, "t3")


# --- handing on -------------------------------------------------------------------------------


def test_handing_on_bumps_the_number_ends_the_claim_and_names_the_task() -> None:
    before = record(claim_id="c", claim_expires_at=NOW, slot=Slot.IMPORT, ready_at=NOW)
    after = lifecycle.handed_on(before, "polls", NOW + MINUTE, NOW, POLICY)

    assert (after.task_seq, after.task_queue, after.task_at) == (4, "polls", NOW + MINUTE)
    assert after.task_id == lifecycle.task_name(before, 4)
    assert (after.claim_id, after.claim_expires_at) == ("", None)
    assert (after.slot, after.ready_at) == (Slot.NONE, None)
    assert after.overdue_at == NOW + MINUTE + 120 * SECOND


def test_a_task_due_in_the_past_is_overdue_from_now() -> None:
    after = lifecycle.handed_on(record(), "polls", NOW - DAY, NOW, POLICY)
    assert after.overdue_at == NOW + 120 * SECOND


def test_task_names_never_repeat_over_hops_files_batches_and_contents() -> None:
    records = [
        record(),
        record(path="b.md"),
        record(batch_id="b2"),
        record(desired_key="k2"),
    ]
    names = {lifecycle.task_name(each, seq) for each in records for seq in range(5)}
    assert len(names) == 20


def test_waiting_for_a_slot_makes_every_older_task_stale() -> None:
    after = lifecycle.awaiting_slot(record(), Slot.UPLOAD, NOW, NOW)

    assert (after.task_seq, after.task_id, after.overdue_at) == (4, "", None)
    assert turn(replace(after, slot=Slot.NONE), 3, NOW) is Turn.STALE


def test_a_batch_that_takes_over_counts_requests_from_nothing() -> None:
    before = record(metered=3, throttled=2, unmetered=1)
    after = lifecycle.taken_over(before, "b2")

    assert (after.batch_id, after.metered, after.throttled, after.unmetered) == ("b2", 0, 0, 0)
    assert lifecycle.taken_over(before, "b1") is before


# --- upload -----------------------------------------------------------------------------------


def test_attempts_count_per_content() -> None:
    first = transfer.upload_begun(record(working_key="old", attempts=4), "files/x")
    assert (first.attempts, first.working_key, first.raw_file) == (1, "k1", "files/x")
    again = transfer.upload_begun(replace(first, status=S.PENDING), "files/x")
    assert again.attempts == 2


def test_an_upload_forgets_what_belongs_to_an_earlier_one() -> None:
    before = record(
        raw_active=True,
        raw_expires_at=NOW,
        operation_id="o",
        operation_name="n",
        new_document="d9",
        document_failed_at=NOW,
        stale_documents=("d1",),
    )
    after = transfer.upload_begun(before, "files/x")

    assert (after.raw_active, after.raw_expires_at) == (False, None)
    assert (after.operation_id, after.operation_name) == ("", "")
    assert after.stale_documents == ("d1", "d9")
    assert (after.new_document, after.document_failed_at) == ("", None)


def test_a_raw_file_has_fifteen_minutes_to_become_active() -> None:
    after = transfer.uploaded(record(S.UPLOADING, errors_in_a_row=2), NOW + 2 * DAY, NOW, POLICY)

    assert (after.status, after.raw_expires_at) == (S.UPLOADED, NOW + 2 * DAY)
    assert after.wait_deadline == NOW + 15 * MINUTE
    assert after.errors_in_a_row == 0


def test_an_active_raw_file_waits_for_an_import_slot() -> None:
    after = transfer.raw_became_active(record(S.UPLOADED), NOW)
    assert (after.raw_active, after.slot, after.ready_at) == (True, Slot.IMPORT, NOW)


def test_a_restart_moves_the_epoch_on() -> None:
    before = record(S.UPLOADED, upload_epoch=1, raw_file="files/x", raw_active=True, attempts=1)
    after = transfer.restarted(before, NOW, POLICY)

    assert (after.status, after.slot, after.upload_epoch) == (S.PENDING, Slot.UPLOAD, 2)
    assert (after.raw_file, after.raw_active) == ("", False)


def test_a_restart_for_what_is_indexed_already_ends_the_journey() -> None:
    before = record(S.UPLOADED, desired_key="k1", current_key="k1", raw_file="files/x", attempts=1)

    assert transfer.restarted(before, NOW, POLICY).status is S.INDEXED
    besides = replace(before, stale_documents=("d9",))
    assert transfer.restarted(besides, NOW, POLICY).status is S.PENDING


def test_a_doubted_document_that_had_to_go_is_not_current_any_more() -> None:
    doubted = record(S.IMPORTING, new_document="d1", current_document="d1", current_key="k1")

    after = known_documents.document_gone(doubted)

    assert (after.new_document, after.current_document, after.current_key) == ("", "", "")
    other = known_documents.document_gone(replace(doubted, new_document="d2"))
    assert (other.new_document, other.current_document) == ("", "d1")


def test_restarts_end_where_the_attempts_do_but_only_for_the_same_content() -> None:
    worn = record(S.UPLOADED, working_key="k1", attempts=5)
    assert transfer.restarted(worn, NOW, POLICY).status is S.FAILED
    assert transfer.restarted(replace(worn, working_key="k0"), NOW, POLICY).status is S.PENDING


# --- import -----------------------------------------------------------------------------------


def test_an_imports_intent_has_no_name_yet_and_its_reply_has_an_hour() -> None:
    begun = transfer.import_begun(record(S.UPLOADED, operation_name="old"), "o1", ("r",))
    assert (begun.status, begun.operation_id, begun.operation_name) == (S.IMPORTING, "o1", "")
    assert begun.metadata_reports == ("r",)
    started = transfer.import_started(begun, "operations/1", NOW, POLICY)
    assert (started.operation_name, started.wait_deadline) == (
        "operations/1",
        NOW + timedelta(hours=1),
    )


def test_an_uncertain_import_has_no_task_and_is_due_after_its_deadline() -> None:
    after = transfer.import_uncertain(
        record(S.IMPORTING, claim_id="c", overdue_at=NOW), NOW, POLICY
    )
    assert (after.status, after.task_id, after.claim_id) == (S.UNCERTAIN, "", "")
    assert (after.task_seq, after.overdue_at) == (4, None)
    assert after.ready_at == NOW + timedelta(hours=1)


def test_a_settled_file_holds_exactly_what_was_imported() -> None:
    before = record(
        S.IMPORTING,
        working_key="k1",
        working_content_hash="h1",
        working_size=7,
        new_document="d2",
        current_document="d1",
        current_key="k0",
        stale_documents=("d0",),
        raw_file="files/x",
        attempts=3,
        upload_epoch=2,
        exhausted_rounds=4,
        failure_kind=FailureKind.EXHAUSTED,
        failure_reason="x",
        operation_name="n",
    )
    after = outcomes.settled(before, NOW)

    assert after.status is S.INDEXED
    assert (after.current_key, after.current_document) == ("k1", "d2")
    assert (after.current_content_hash, after.current_size) == ("h1", 7)
    assert (after.new_document, after.stale_documents, after.raw_file) == ("", (), "")
    assert (after.attempts, after.upload_epoch, after.exhausted_rounds) == (0, 0, 0)
    assert (after.failure_kind, after.failure_reason) == (FailureKind.NONE, "")
    assert after.indexed_at == NOW
    assert (after.task_id, after.slot, after.overdue_at) == ("", Slot.NONE, None)


def test_a_settled_file_whose_content_moved_on_begins_anew_at_once() -> None:
    before = record(S.IMPORTING, working_key="k1", desired_key="k2", new_document="d1")
    after = outcomes.settled(before, NOW)

    assert (after.status, after.slot, after.attempts) == (S.PENDING, Slot.UPLOAD, 0)
    assert (after.current_key, after.current_document) == ("k1", "d1")


def test_a_settled_file_nobody_wants_any_more_is_a_candidate_for_removal() -> None:
    before = record(S.IMPORTING, working_key="k1", desired_key="", new_document="d1")
    after = outcomes.settled(before, NOW)

    assert (after.status, after.current_document) == (S.REMOVAL_CANDIDATE, "d1")


@pytest.mark.parametrize("status", [S.UPLOADING, S.UPLOADED, S.PENDING])
def test_a_journey_given_up_leaves_a_candidate_only_where_there_is_a_document(
    status: FileStatus,
) -> None:
    with_document = record(status, desired_key="", current_document="d1", raw_file="files/x")
    assert outcomes.given_up(with_document, NOW).status is S.REMOVAL_CANDIDATE
    without = record(status, desired_key="", raw_file="files/x")
    assert outcomes.given_up(without, NOW).status is S.DELETED
    skipped = replace(without, desired_skip_reason="empty")
    assert outcomes.given_up(skipped, NOW).status is S.SKIPPED


# --- trouble ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "jitter", "seconds"),
    [(1, 1, 10), (1, 0, 5), (2, 1, 20), (4, 0.5, 60), (7, 1, 600), (60, 1, 600), (0, 1, 10)],
)
def test_backoff_doubles_from_ten_seconds_to_ten_minutes_less_up_to_half(
    errors: int, jitter: float, seconds: float
) -> None:
    assert POLICY.backoff(errors, jitter) == seconds * SECOND


def test_a_given_back_upload_returns_its_attempt() -> None:
    begun = transfer.upload_begun(record(), "files/x")
    back = transfer.given_back(begun, NOW + MINUTE, NOW)

    assert (back.status, back.attempts) == (S.PENDING, 0)
    assert (back.slot, back.ready_at) == (Slot.UPLOAD, NOW + MINUTE)
    assert back.failure_kind is FailureKind.NONE


def test_a_given_back_import_keeps_its_upload() -> None:
    before = record(S.IMPORTING, raw_file="files/x", raw_active=True, attempts=1)
    back = transfer.given_back(before, NOW, NOW)

    assert (back.status, back.slot, back.raw_file) == (S.UPLOADED, Slot.IMPORT, "files/x")
    assert back.attempts == 1


@pytest.mark.parametrize(
    ("status", "attempts", "expected", "slot"),
    [
        (S.UPLOADING, 1, S.PENDING, Slot.UPLOAD),
        (S.UPLOADING, 4, S.PENDING, Slot.UPLOAD),
        (S.UPLOADING, 5, S.FAILED, Slot.NONE),
        (S.IMPORTING, 1, S.UPLOADED, Slot.IMPORT),
        (S.IMPORTING, 4, S.UPLOADED, Slot.IMPORT),
        (S.IMPORTING, 5, S.FAILED, Slot.NONE),
        (S.UNCERTAIN, 5, S.FAILED, Slot.NONE),
    ],
)
def test_five_attempts_are_made_of_one_content(
    status: FileStatus, attempts: int, expected: FileStatus, slot: Slot
) -> None:
    before = record(
        status, attempts=attempts, raw_file="files/x", raw_active=status is not S.UPLOADING
    )
    after = transfer.tried_again(before, "it broke", 503, NOW, 1.0, POLICY)

    assert (after.status, after.slot) == (expected, slot)
    assert (after.failure_reason, after.failure_code) == ("it broke", 503)


def test_a_document_that_was_found_and_is_gone_is_uploaded_anew() -> None:
    before = record(S.IMPORTING, new_document="d1", attempts=0)
    after = transfer.tried_again(before, "it is gone", 404, NOW, 1.0, POLICY)

    assert (after.status, after.slot, after.attempts) == (S.PENDING, Slot.UPLOAD, 1)


@pytest.mark.parametrize(
    ("rounds", "days"), [(0, 1), (1, 2), (2, 4), (4, 16), (5, 32), (6, 32), (900, 32)]
)
def test_exhausted_files_rest_longer_each_time_up_to_32_days(rounds: int, days: int) -> None:
    before = record(S.UPLOADING, exhausted_rounds=rounds)
    after = outcomes.failed(before, FailureKind.EXHAUSTED, "worn out", None, NOW, POLICY)

    assert (after.exhausted_rounds, after.eligible_at) == (rounds + 1, NOW + days * DAY)


def test_a_permanent_failure_names_its_content_and_no_day() -> None:
    before = record(S.IMPORTING, current_document="d1", current_key="k0")
    after = outcomes.failed(before, FailureKind.PERMANENT, "bad", 400, NOW, POLICY)

    assert (after.failed_key, after.failed_at, after.eligible_at) == ("k1", NOW, None)
    assert (after.current_document, after.current_key) == ("d1", "k0")
    assert after.exhausted_rounds == 0


def test_a_new_journey_has_a_clean_sheet() -> None:
    before = record(
        S.FAILED,
        attempts=5,
        errors_in_a_row=5,
        failure_kind=FailureKind.PERMANENT,
        failure_reason="x",
        failure_code=400,
        failed_key="k1",
        failed_at=NOW,
    )
    after = outcomes.begun(before, NOW)

    assert (after.status, after.slot, after.ready_at) == (S.PENDING, Slot.UPLOAD, NOW)
    assert (after.attempts, after.errors_in_a_row) == (0, 0)
    assert (after.failure_kind, after.failure_reason, after.failure_code) == (
        FailureKind.NONE,
        "",
        None,
    )


# --- documents --------------------------------------------------------------------------------


def test_documents_to_remove_are_all_that_are_known_each_once() -> None:
    known = record(stale_documents=("d0", "d1"), current_document="d1", new_document="d2")
    assert known_documents.documents_to_remove(known) == ("d0", "d1", "d2")
    assert known_documents.forerunners(known) == ("d0", "d1")
    adopted = replace(known, new_document="d1")
    assert known_documents.forerunners(adopted) == ("d0",)


def test_a_removed_file_knows_no_document_any_more() -> None:
    before = record(
        S.DELETING,
        desired_key="",
        current_document="d1",
        current_key="k1",
        stale_documents=("d0",),
        new_document="d2",
        raw_file="files/x",
    )
    after = outcomes.removed(before, NOW)

    assert after.status is S.DELETED
    assert known_documents.documents_to_remove(after) == ()
    assert (after.current_key, after.raw_file) == ("", "")


def test_a_removal_that_was_not_needed_leaves_the_file_as_it_was_indexed() -> None:
    before = record(S.DELETING, current_document="d1", current_key="k1")
    after = outcomes.kept(before, NOW)

    assert (after.status, after.current_document, after.task_id) == (S.INDEXED, "d1", "")


@pytest.mark.parametrize("status", S)
def test_a_batch_waits_for_what_is_on_its_way(status: FileStatus) -> None:
    over = (S.INDEXED, S.FAILED, S.SKIPPED, S.REMOVAL_CANDIDATE, S.DELETED)
    assert (status in UNFINISHED) is (status not in over)


def test_a_time_scale_divides_waits_and_leaves_hours_of_the_service_and_days_alone() -> None:
    scaled = POLICY.scaled(60)

    assert scaled.claim_lifetime == 11 * SECOND
    assert scaled.import_deadline == MINUTE
    assert scaled.failed_grace == 5 * SECOND
    assert scaled.raw_reserve == timedelta(hours=2)
    assert (scaled.exhausted_first, scaled.exhausted_most) == (DAY, 32 * DAY)
