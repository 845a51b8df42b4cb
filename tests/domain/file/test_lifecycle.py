from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.file import attempt, known_documents, lifecycle, outcomes
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
from shared.domain.file.record import (
    UNFINISHED,
    Claim,
    Current,
    Failure,
    FailureKind,
    FileRecord,
    FileStatus,
    FileTask,
    ImportCall,
    NewDocument,
    RawFile,
    Requests,
    Schedule,
    Slot,
    Tries,
    Working,
)
from shared.domain.time_scale import scaled
from tests.file_records import current, desired, working

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
POLICY = FilePolicy()
S = FileStatus
TASK = FileTask("t3", "uploads", NOW)
SCHEDULE = Schedule(3, TASK, overdue_at=NOW + MINUTE)
RAW_FILE = RawFile("files/x")
ACTIVE = RawFile("files/x", is_active=True)


def record(status: FileStatus = S.PENDING, **fields: object) -> FileRecord:
    known: dict[str, object] = {
        "path": "a.md",
        "status": status,
        "batch_id": "b1",
        "desired": desired(),
        "schedule": SCHEDULE,
    }
    return FileRecord(**{**known, **fields})  # type: ignore[arg-type]  # field names


# --- what fails each time ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stuck", "changes"),
    [
        (True, {}),
        (True, {"failure": None}),
        (True, {"schedule": replace(SCHEDULE, deadline=NOW)}),
        (False, {"tries": Tries(errors_in_a_row=POLICY.stuck_after - 1, error_at=NOW)}),
        (
            False,  # this batch has not seen it fail
            {"tries": Tries(errors_in_a_row=POLICY.stuck_after, error_at=NOW - 2 * MINUTE)},
        ),
        (False, {"tries": Tries(errors_in_a_row=POLICY.stuck_after)}),
        # After its deadline it may end otherwise.
        (False, {"schedule": replace(SCHEDULE, deadline=NOW + SECOND)}),
        (False, {"failure": Failure("too many", 429)}),
        (False, {"status": S.UNCERTAIN}),  # a listing of the store decides
        (False, {"claim": Claim("c1", NOW)}),  # somebody is at it
    ],
)
def test_no_batch_waits_for_what_fails_each_time(*, stuck: bool, changes: dict[str, Any]) -> None:
    tries = Tries(errors_in_a_row=POLICY.stuck_after, error_at=NOW)
    known = {"tries": tries, "failure": Failure("it broke", 503)}
    file = record(**{"status": S.IMPORTING, **known, **changes})

    assert lifecycle.is_stuck(file, NOW - MINUTE, POLICY) is stuck


# --- moves ------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", S)
@pytest.mark.parametrize("after", S)
def test_a_move_is_made_where_it_is_legal_and_refused_where_not(
    before: FileStatus, after: FileStatus
) -> None:
    if after is before or after in LEGAL_MOVES[before]:
        assert moved(record(before), after, fence=9) == record(after, fence=9)
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
    ("status", "raw_file", "step"),
    [
        (S.PENDING, None, Step.UPLOAD),
        (S.UPLOADING, RAW_FILE, Step.UPLOAD),
        (S.UPLOADED, RAW_FILE, Step.IMPORT),
        (S.UPLOADED, ACTIVE, Step.IMPORT),
        (S.IMPORTING, ACTIVE, Step.AWAIT_IMPORT),
        (S.DELETING, None, Step.REMOVE),
        *(
            (status, None, Step.NOTHING)
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
def test_each_status_has_its_step(status: FileStatus, raw_file: RawFile | None, step: Step) -> None:
    assert next_step(record(status, working=working(raw_file=raw_file))) is step


# --- whose turn it is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "seq", "expected"),
    [
        ({}, 3, Turn.MINE),
        ({}, 2, Turn.STALE),
        ({"schedule": Schedule(3, slot=Slot.UPLOAD)}, 3, Turn.OVER),
        ({"status": S.INDEXED}, 3, Turn.OVER),
        ({"status": S.INDEXED}, 2, Turn.OVER),
        ({"claim": Claim("c", NOW + SECOND)}, 3, Turn.BUSY),
        ({"claim": Claim("c", NOW + SECOND)}, 2, Turn.STALE),
        ({"claim": Claim("c", NOW)}, 3, Turn.MINE),
        ({"claim": Claim("c", NOW - SECOND)}, 3, Turn.MINE),
    ],
)
def test_a_delivery_finds_out_whose_turn_it_is(
    fields: dict[str, object], seq: int, expected: Turn
) -> None:
    assert turn(record(**fields), seq, NOW) is expected  # type: ignore[arg-type]  # field names


def test_a_claim_lives_660_seconds_and_is_overdue_two_minutes_later() -> None:
    claimed = lifecycle.claimed(record(), "c1", NOW, POLICY)

    assert claimed.claim == Claim("c1", NOW + 660 * SECOND)
    assert claimed.schedule == Schedule(3, TASK, overdue_at=NOW + 780 * SECOND)


# --- handing on -------------------------------------------------------------------------------


def test_handing_on_bumps_the_number_ends_the_claim_and_names_the_task() -> None:
    waiting = Schedule(3, slot=Slot.IMPORT, ready_at=NOW, deadline=NOW + DAY)
    before = record(claim=Claim("c", NOW), schedule=waiting)
    after = lifecycle.handed_on(before, "polls", NOW + MINUTE, NOW, POLICY)

    assert after.schedule == Schedule(
        4,
        FileTask(lifecycle.task_name(before, 4), "polls", NOW + MINUTE),
        overdue_at=NOW + MINUTE + 120 * SECOND,
        deadline=NOW + DAY,
    )
    assert after.claim is None


def test_a_task_due_in_the_past_is_overdue_from_now() -> None:
    after = lifecycle.handed_on(record(), "polls", NOW - DAY, NOW, POLICY)
    assert after.schedule.overdue_at == NOW + 120 * SECOND


def test_task_names_never_repeat_over_hops_files_batches_and_contents() -> None:
    records = [
        record(),
        record(path="b.md"),
        record(batch_id="b2"),
        record(desired=desired("k2")),
    ]
    names = {lifecycle.task_name(each, seq) for each in records for seq in range(5)}
    assert len(names) == 20


def test_waiting_for_a_slot_makes_every_older_task_stale() -> None:
    before = record(claim=Claim("c", NOW), schedule=replace(SCHEDULE, deadline=NOW + DAY))
    after = lifecycle.awaiting_slot(before, Slot.UPLOAD, NOW, NOW)

    assert after.schedule == Schedule(4, slot=Slot.UPLOAD, ready_at=NOW)
    assert after.claim is None
    assert turn(replace(after, schedule=replace(after.schedule, slot=None)), 3, NOW) is Turn.STALE


def test_a_batch_that_takes_over_counts_requests_from_nothing() -> None:
    before = record(requests=Requests(3, 2, 1))
    after = lifecycle.taken_over(before, "b2")

    assert (after.batch_id, after.requests) == ("b2", Requests(0, 0, 0))
    assert lifecycle.taken_over(before, "b1") is before


# --- upload -----------------------------------------------------------------------------------


def test_attempts_count_per_content() -> None:
    first = attempt.upload_begun(record(working=working("old"), tries=Tries(4)), "files/x")
    assert (first.tries, first.working) == (Tries(1), working(raw_file=RAW_FILE))
    again = attempt.upload_begun(replace(first, status=S.PENDING), "files/x")
    assert again.tries == Tries(2)


def test_an_upload_forgets_what_belongs_to_an_earlier_one() -> None:
    before = record(
        working=working(
            raw_file=RawFile("files/w", is_active=True, expires_at=NOW),
            import_call=ImportCall("o", "n"),
            new_document=NewDocument("d9", failed_at=NOW),
        ),
        stale_documents=("d1",),
    )
    after = attempt.upload_begun(before, "files/x")

    assert after.working == Working("k1", "h1", 7, RAW_FILE, import_call=None, new_document=None)
    assert after.stale_documents == ("d1", "d9")


@pytest.mark.parametrize("wanted", [None, desired(None, "empty")], ids=["gone", "skipped"])
def test_what_is_not_wanted_is_not_uploaded(wanted: object) -> None:
    with pytest.raises(ValueError, match=r"a\.md"):
        attempt.upload_begun(record(desired=wanted), "files/x")


@pytest.mark.parametrize("is_active", [True, False])
def test_an_uploaded_file_waits_for_an_import_slot(*, is_active: bool) -> None:
    """By then it mostly is active, so nobody looks before."""
    tries = Tries(1, errors_in_a_row=2, error_at=NOW)
    before = record(S.UPLOADING, working=working(raw_file=RAW_FILE), tries=tries)
    after = attempt.uploaded(before, NOW + 2 * DAY, NOW, POLICY, is_active=is_active)

    assert after.status is S.UPLOADED
    assert after.raw_file == RawFile(
        "files/x", is_active=is_active, expires_at=NOW + 2 * DAY, uploaded_at=NOW
    )
    ready_at = NOW if is_active else NOW + POLICY.raw_look_first
    seq = before.schedule.seq + 1
    assert after.schedule == Schedule(seq, slot=Slot.IMPORT, ready_at=ready_at)
    assert after.tries == Tries(1, errors_in_a_row=0, error_at=NOW)
    assert next_step(after) is Step.IMPORT


def test_a_raw_file_that_isnt_active_is_looked_at_for_fifteen_minutes() -> None:
    raw_file = replace(RAW_FILE, uploaded_at=NOW - MINUTE)
    before = record(S.UPLOADED, working=working(raw_file=raw_file))
    after = attempt.raw_isnt_active(before, NOW, POLICY)

    assert after.schedule.deadline == NOW + 14 * MINUTE
    assert after.schedule.look_at == NOW + POLICY.raw_look_first
    assert (after.schedule.task, after.claim) == (None, None)
    assert next_step(after) is Step.AWAIT_ACTIVE


def test_an_older_versions_task_that_looks_at_a_raw_file_is_known() -> None:
    before = record(S.UPLOADED, working=working(raw_file=RAW_FILE))
    polled = lifecycle.handed_on(before, "polls", NOW, NOW, POLICY)

    assert next_step(polled) is Step.AWAIT_ACTIVE
    assert next_step(lifecycle.handed_on(before, "uploads", NOW, NOW, POLICY)) is Step.IMPORT


def test_an_active_raw_file_waits_for_an_import_slot() -> None:
    before = record(S.UPLOADED, working=working(raw_file=RawFile("files/x", expires_at=NOW + DAY)))
    after = attempt.raw_became_active(before, NOW)

    assert after.raw_file == RawFile("files/x", is_active=True, expires_at=NOW + DAY)
    assert after.schedule == Schedule(4, slot=Slot.IMPORT, ready_at=NOW)


def test_a_restart_moves_the_epoch_on() -> None:
    before = record(
        S.UPLOADED, upload_epoch=1, working=working(raw_file=ACTIVE), tries=Tries(attempts=1)
    )
    after = attempt.restarted(before, NOW, POLICY)

    assert (after.status, after.upload_epoch) == (S.PENDING, 2)
    assert after.schedule == Schedule(4, slot=Slot.UPLOAD, ready_at=NOW)
    assert after.working == working(raw_file=None)


def test_a_restart_for_what_is_indexed_already_ends_the_journey() -> None:
    before = record(
        S.UPLOADED,
        desired=desired("k1"),
        current=current(key="k1"),
        working=working("k2", raw_file=RAW_FILE),
        tries=Tries(attempts=1),
    )

    assert attempt.restarted(before, NOW, POLICY).status is S.INDEXED
    besides = replace(before, stale_documents=("d9",))
    assert attempt.restarted(besides, NOW, POLICY).status is S.PENDING


def test_a_doubted_document_that_had_to_go_is_not_current_any_more() -> None:
    doubted = record(
        S.IMPORTING, working=working(new_document=NewDocument("d1")), current=current("d1")
    )

    after = known_documents.document_going(doubted, "d1")

    assert (after.new_document, after.current) == (None, None)
    assert after.stale_documents == ("d1",)
    assert known_documents.document_gone(after, "d1").stale_documents == ()
    imported = known_documents.document_known(doubted, "d2")
    other = known_documents.document_going(imported, "d2")
    assert (other.new_document, other.current) == (None, current("d1"))
    assert other.stale_documents == ("d2",)


def test_the_older_documents_count_no_more_once_they_are_about_to_be_deleted() -> None:
    doubted = record(
        S.IMPORTING,
        working=working(new_document=NewDocument("d1")),
        current=current("d1"),
        stale_documents=("d0",),
    )
    imported = known_documents.document_known(doubted, "d2")

    after = known_documents.forerunners_going(imported)
    kept = known_documents.forerunners_going(doubted)

    assert (after.current, after.stale_documents) == (None, ("d0", "d1"))
    assert (kept.current, kept.stale_documents) == (current("d1"), ("d0",))
    assert known_documents.forerunners(after) == ("d0", "d1")


def test_the_grace_of_a_failed_document_ends_with_the_document() -> None:
    known = known_documents.document_known(record(S.IMPORTING, working=working()), "d1")
    failed = known_documents.first_seen_failed(known, NOW)
    assert failed.working == working(new_document=NewDocument("d1", failed_at=NOW))
    assert known_documents.document_going(failed, "d1").working == working(new_document=None)
    shelved = known_documents.shelved(failed)
    assert (shelved.working, shelved.stale_documents) == (working(new_document=None), ("d1",))


def test_restarts_end_where_the_attempts_do_but_only_for_the_same_content() -> None:
    worn = record(S.UPLOADED, working=working("k1"), tries=Tries(attempts=5))
    assert attempt.restarted(worn, NOW, POLICY).status is S.FAILED
    other = replace(worn, working=working("k0"))
    assert attempt.restarted(other, NOW, POLICY).status is S.PENDING


# --- import -----------------------------------------------------------------------------------


def test_an_imports_intent_has_no_name_yet_and_its_reply_has_an_hour() -> None:
    uploaded = working(raw_file=ACTIVE, import_call=ImportCall("o0", "old"))
    begun = attempt.import_begun(record(S.UPLOADED, working=uploaded), "o1", ("r",))
    assert begun.status is S.IMPORTING
    assert begun.working == replace(uploaded, import_call=ImportCall("o1", None))
    assert begun.metadata_reports == ("r",)
    started = attempt.import_started(begun, "operations/1", NOW, POLICY)
    assert started.import_call == ImportCall("o1", "operations/1")
    assert started.schedule == replace(SCHEDULE, deadline=NOW + timedelta(hours=1))


def test_an_uncertain_import_has_no_task_and_is_due_after_its_deadline() -> None:
    after = attempt.import_uncertain(record(S.IMPORTING, claim=Claim("c", NOW)), NOW, POLICY)
    assert (after.status, after.claim) == (S.UNCERTAIN, None)
    assert after.schedule == Schedule(4, task=None, ready_at=NOW + timedelta(hours=1))


def test_an_uncertain_import_in_a_storm_costs_no_attempt_if_it_left_no_document() -> None:
    sent = record(S.IMPORTING, working=working(raw_file=ACTIVE), tries=Tries(attempts=2))
    for in_storm, attempts in ((True, 2), (False, 3)):
        lost = attempt.import_uncertain(sent, NOW, POLICY, in_storm=in_storm)
        again = attempt.tried_again(lost, "none", None, NOW, 0.5, POLICY)
        assert (again.status, again.tries.attempts) == (S.UPLOADED, attempts)


def test_a_settled_file_holds_exactly_what_was_imported() -> None:
    before = record(
        S.IMPORTING,
        working=working(
            "k1",
            raw_file=ACTIVE,
            import_call=ImportCall("o", "n"),
            new_document=NewDocument("d2"),
        ),
        current=current("d1", "k0"),
        stale_documents=("d0",),
        tries=Tries(3, 1, NOW, exhausted_rounds=4),
        upload_epoch=2,
        failure=Failure("x", kind=FailureKind.EXHAUSTED),
    )
    after = outcomes.settled(before, NOW)

    assert after.status is S.INDEXED
    assert after.current == Current("k1", "d2", "h1", 7, import_call=ImportCall("o", "n"))
    assert (after.working, after.stale_documents) == (None, ())
    assert (after.tries, after.upload_epoch) == (Tries(error_at=NOW), 0)
    assert after.failure is None
    assert after.indexed_at == NOW
    assert after.schedule == Schedule(3)


def test_a_file_is_not_settled_without_a_document() -> None:
    for without in (record(S.IMPORTING), record(S.IMPORTING, working=working())):
        with pytest.raises(ValueError, match=r"a\.md"):
            outcomes.settled(without, NOW)


def test_a_settled_file_whose_content_moved_on_begins_anew_at_once() -> None:
    before = record(
        S.IMPORTING,
        working=working("k1", new_document=NewDocument("d1")),
        desired=desired("k2"),
        tries=Tries(attempts=1),
    )
    after = outcomes.settled(before, NOW)

    assert (after.status, after.tries) == (S.PENDING, Tries())
    assert after.schedule == Schedule(4, slot=Slot.UPLOAD, ready_at=NOW)
    assert after.current == current("d1", "k1")


def test_a_settled_file_nobody_wants_any_more_is_a_candidate_for_removal() -> None:
    before = record(
        S.IMPORTING, working=working("k1", new_document=NewDocument("d1")), desired=None
    )
    after = outcomes.settled(before, NOW)

    assert (after.status, after.current_document) == (S.REMOVAL_CANDIDATE, "d1")


@pytest.mark.parametrize("status", [S.UPLOADING, S.UPLOADED, S.PENDING])
def test_a_journey_given_up_leaves_a_candidate_only_where_there_is_a_document(
    status: FileStatus,
) -> None:
    without = record(status, desired=None, working=working(raw_file=RAW_FILE))
    with_document = replace(without, current=current("d1"))
    assert outcomes.given_up(with_document, NOW).status is S.REMOVAL_CANDIDATE
    assert outcomes.given_up(without, NOW).status is S.DELETED
    skipped = replace(without, desired=desired(None, "empty"))
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
    begun = attempt.upload_begun(record(), "files/x")
    back = attempt.given_back(begun, NOW + MINUTE, NOW)

    assert (back.status, back.tries) == (S.PENDING, Tries(attempts=0))
    assert back.schedule == Schedule(4, slot=Slot.UPLOAD, ready_at=NOW + MINUTE)
    assert back.failure is None


def test_a_given_back_import_keeps_its_upload() -> None:
    before = record(S.IMPORTING, working=working(raw_file=ACTIVE), tries=Tries(attempts=1))
    back = attempt.given_back(before, NOW, NOW)

    assert (back.status, back.schedule.slot, back.raw_file) == (S.UPLOADED, Slot.IMPORT, ACTIVE)
    assert back.tries == Tries(attempts=1)


@pytest.mark.parametrize(
    ("status", "attempts", "expected", "slot"),
    [
        (S.UPLOADING, 1, S.PENDING, Slot.UPLOAD),
        (S.UPLOADING, 4, S.PENDING, Slot.UPLOAD),
        (S.UPLOADING, 5, S.FAILED, None),
        (S.IMPORTING, 1, S.UPLOADED, Slot.IMPORT),
        (S.IMPORTING, 4, S.UPLOADED, Slot.IMPORT),
        (S.IMPORTING, 5, S.FAILED, None),
        (S.UNCERTAIN, 5, S.FAILED, None),
    ],
)
def test_five_attempts_are_made_of_one_content(
    status: FileStatus, attempts: int, expected: FileStatus, slot: Slot | None
) -> None:
    raw_file = RAW_FILE if status is S.UPLOADING else ACTIVE
    before = record(status, working=working(raw_file=raw_file), tries=Tries(attempts))
    after = attempt.tried_again(before, "it broke", 503, NOW, 1.0, POLICY)

    assert (after.status, after.schedule.slot) == (expected, slot)
    assert after.failure is not None
    assert (after.failure.reason, after.failure.code) == ("it broke", 503)
    assert after.failed_kind is (FailureKind.EXHAUSTED if expected is S.FAILED else None)


def test_an_import_that_is_tried_again_has_no_name_any_more() -> None:
    call = ImportCall("o1", "operations/1")
    before = record(S.IMPORTING, working=working(raw_file=ACTIVE, import_call=call))
    after = attempt.tried_again(before, "it broke", 503, NOW, 1.0, POLICY)

    assert after.import_call == ImportCall("o1", operation=None)


def test_a_document_that_was_found_and_is_gone_is_uploaded_anew() -> None:
    before = record(S.IMPORTING, working=working(new_document=NewDocument("d1")))
    after = attempt.tried_again(before, "it is gone", 404, NOW, 1.0, POLICY)

    assert (after.status, after.tries) == (S.PENDING, Tries(1, errors_in_a_row=1))
    assert after.schedule == Schedule(4, slot=Slot.UPLOAD, ready_at=NOW + 10 * SECOND)


@pytest.mark.parametrize(
    ("rounds", "days"), [(0, 1), (1, 2), (2, 4), (4, 16), (5, 32), (6, 32), (900, 32)]
)
def test_exhausted_files_rest_longer_each_time_up_to_32_days(rounds: int, days: int) -> None:
    before = record(S.UPLOADING, tries=Tries(exhausted_rounds=rounds))
    after = outcomes.failed(before, FailureKind.EXHAUSTED, "worn out", None, NOW, POLICY)

    assert after.tries == Tries(exhausted_rounds=rounds + 1)
    assert after.failure == Failure(
        "worn out", None, FailureKind.EXHAUSTED, at=NOW, eligible_at=NOW + days * DAY
    )


def test_a_permanent_failure_is_of_the_wanted_content_and_names_no_day() -> None:
    before = record(S.IMPORTING, working=working("k1"), current=current("d1", "k0"))
    after = outcomes.failed(before, FailureKind.PERMANENT, "bad", 400, NOW, POLICY)

    assert after.status is S.FAILED
    assert after.failure == Failure("bad", 400, FailureKind.PERMANENT, at=NOW, eligible_at=None)
    assert (after.working_key, after.desired_key) == ("k1", "k1")
    assert after.current == current("d1", "k0")
    assert after.tries == Tries()


def test_a_failure_of_content_that_is_not_wanted_any_more_is_none() -> None:
    before = record(S.IMPORTING, working=working("k1"), desired=desired("k2"))
    after = outcomes.failed(before, FailureKind.PERMANENT, "bad", 400, NOW, POLICY)

    assert (after.status, after.failure) == (S.PENDING, None)


def test_a_new_journey_has_a_clean_sheet() -> None:
    before = record(
        S.FAILED,
        tries=Tries(5, 5, NOW, exhausted_rounds=2),
        failure=Failure("x", 400, FailureKind.PERMANENT, at=NOW),
    )
    after = outcomes.begun(before, NOW)

    assert after.status is S.PENDING
    assert after.schedule == Schedule(4, slot=Slot.UPLOAD, ready_at=NOW)
    assert after.tries == Tries(0, 0, NOW, exhausted_rounds=2)
    assert after.failure is None


# --- documents --------------------------------------------------------------------------------


def test_documents_to_remove_are_all_that_are_known_each_once() -> None:
    known = record(
        stale_documents=("d0", "d1"),
        current=current("d1"),
        working=working(new_document=NewDocument("d2")),
    )
    assert known_documents.documents_to_remove(known) == ("d0", "d1", "d2")
    assert known_documents.forerunners(known) == ("d0", "d1")
    adopted = known_documents.document_known(known, "d1")
    assert known_documents.forerunners(adopted) == ("d0",)


def test_a_removed_file_knows_no_document_any_more() -> None:
    before = record(
        S.DELETING,
        desired=None,
        current=current("d1"),
        stale_documents=("d0",),
        working=working(raw_file=RAW_FILE, new_document=NewDocument("d2")),
    )
    after = outcomes.removed(before, NOW)

    assert after.status is S.DELETED
    assert known_documents.documents_to_remove(after) == ()
    assert (after.current, after.working) == (None, None)


def test_a_removal_that_was_not_needed_leaves_the_file_as_it_was_indexed() -> None:
    before = record(S.DELETING, current=current("d1", "k1"))
    after = outcomes.kept(before, NOW)

    assert (after.status, after.current) == (S.INDEXED, current("d1", "k1"))
    assert after.schedule == Schedule(3)


@pytest.mark.parametrize(
    "besides",
    [{"stale_documents": ("d0",)}, {"working": working("k2", new_document=NewDocument("d2"))}],
    ids=["stale", "unverified"],
)
def test_a_halted_removal_keeps_no_document_beside_others(besides: dict[str, Any]) -> None:
    before = record(S.DELETING, current=current("d1", "k1"))
    assert outcomes.removal_halted(before, NOW).status is S.INDEXED
    assert outcomes.removal_halted(replace(before, **besides), NOW).status is S.PENDING


@pytest.mark.parametrize(
    "besides",
    [{"stale_documents": ("d2",)}, {"working": working("k3", new_document=NewDocument("d2"))}],
    ids=["stale", "unverified"],
)
@pytest.mark.parametrize("serving", [None, current("d1", "k1")])
def test_a_restless_file_is_not_at_rest_while_only_an_import_can_delete_what_it_left(
    besides: dict[str, Any], serving: Current | None
) -> None:
    restless = record(S.UPLOADED, desired=desired("k3"), working=working("k3"), current=serving)
    at_rest = S.INDEXED if serving else S.DELETED
    assert outcomes.left(restless, NOW, POLICY).status is at_rest

    after = outcomes.left(replace(restless, **besides), NOW, POLICY)

    assert after.failed_kind is FailureKind.EXHAUSTED
    assert "d2" in known_documents.documents_to_remove(after)


def test_a_removal_that_found_no_document_was_no_removal() -> None:
    empty = record(S.DELETING, desired=None, removed_in="b0")
    assert outcomes.removed(empty, NOW).removed_in == "b0"
    assert outcomes.removed(replace(empty, current=current()), NOW).removed_in == empty.batch_id


@pytest.mark.parametrize("status", S)
def test_a_batch_waits_for_what_is_on_its_way(status: FileStatus) -> None:
    over = (S.INDEXED, S.FAILED, S.SKIPPED, S.REMOVAL_CANDIDATE, S.DELETED)
    assert (status in UNFINISHED) is (status not in over)


def test_a_time_scale_divides_waits_and_leaves_hours_of_the_service_and_days_alone() -> None:
    fast = scaled(POLICY, 60)

    assert fast.claim_lifetime == 11 * SECOND
    assert fast.import_deadline == MINUTE
    assert fast.failed_grace == 5 * SECOND
    assert fast.raw_reserve == timedelta(hours=2)
    assert (fast.exhausted_first, fast.exhausted_most) == (DAY, 32 * DAY)
