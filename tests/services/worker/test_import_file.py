"""Sending an import: at most once, and again only after the store was searched."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.errors import BadRequest, GatewayError, NotFound, Throttled
from shared.domain.file.ledger import ImportState
from shared.domain.file.record import FailureKind, FileStatus, Slot, Tries
from shared.domain.throttle.unmetered import Polls
from shared.gateways.database.records import POLLS
from shared.gateways.ports import RemoteState
from shared.services.worker.advance_file import Outcome
from tests.file_records import raw_name
from tests.services.story import (
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    Crash,
    batch_now,
    begun,
    come_to_look,
    come_to_task,
    contents,
    denied,
    entries,
    in_step,
    later,
    lost,
    operations,
    play_out,
    play_to,
    spoil,
    synced,
    throttled,
    throttled_calls,
    unavailable,
    wanted,
    world_with,
)


def test_the_intent_is_written_before_the_request() -> None:
    world = world_with()
    begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    seen = []

    def look(call: str) -> None:
        if call == "import_file:enter":
            seen.extend(operations(world))

    world.gemini.on_call = look
    world.deliver(task)
    play_to(world, FileStatus.INDEXED)

    (intent,) = seen
    assert (intent.path, intent.state, intent.operation) == (PATH, ImportState.SENT, None)
    assert (intent.tokens, intent.cost, intent.currency) == (4, 4 * 0.15 / 1_000_000, "USD")
    (done,) = operations(world)
    assert done.state is ImportState.SUCCEEDED
    assert done.document == world.file(PATH).current_document


def test_an_import_without_faults_ends_with_the_first_look() -> None:
    world = world_with()
    begun(world)
    world.deliver(come_to_task(world, FileStatus.UPLOADED, "uploads"))
    world.deliver(come_to_look(world, FileStatus.IMPORTING))

    file = world.file(PATH)
    assert (file.status, file.requests.metered) == (FileStatus.INDEXED, 2)
    assert (file.tries, file.working) == (Tries(), None)
    assert file.current_key == file.desired_key
    assert [entry.call for entry in entries(world)] == ["files.upload", "import_file"]


def test_a_document_carries_path_hash_key_owner_and_score() -> None:
    world = world_with()
    world.sync()

    (document,) = world.store_documents()
    file = world.file(PATH)
    assert document.metadata["path"] == PATH
    assert file.desired is not None
    assert document.metadata["content_hash"] == file.desired.content_hash
    assert document.metadata["content_key"] == file.desired_key
    assert document.metadata["owner"] == world.rules.settings.owner
    assert document.metadata["quality_score"] == 0


# --- lost replies and dead processes ----------------------------------------------------------


@pytest.mark.parametrize("took_effect", [True, False], ids=["took effect", "did not"])
def test_after_a_lost_reply_the_store_is_searched_and_no_import_sent_twice(
    *, took_effect: bool
) -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    world.gemini.fail_next("import_file", lost(), after_effect=took_effect)

    world.deliver(task)

    file = world.file(PATH)
    asked = world.clock.now()
    assert (file.status, file.schedule.ready_at) == (FileStatus.UNCERTAIN, asked + HOUR)
    assert play_out(world, batch).status == "completed"
    assert world.clock.now() - asked >= HOUR
    assert world.gemini.calls["import_file"] == (1 if took_effect else 2)
    assert world.gemini.imports == 1
    assert in_step(world)


@pytest.mark.parametrize("took_effect", [True, False], ids=["took effect", "did not"])
def test_an_import_whose_process_died_becomes_uncertain_when_its_claim_has_expired(
    *, took_effect: bool
) -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    world.gemini.fail_next("import_file", Crash(), after_effect=took_effect)
    with pytest.raises(Crash):
        world.deliver(task)
    assert world.advance(task.payload) is Outcome.BUSY

    play_to(world, FileStatus.UNCERTAIN)

    assert world.gemini.calls["import_file"] == 1
    assert play_out(world, batch).status == "completed"
    assert world.gemini.imports == 1
    assert in_step(world)


def test_the_reply_to_an_import_is_saved_even_if_another_delivery_has_the_file() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")

    def slow(call: str) -> None:
        if call == "import_file:exit":
            world.gemini.on_call = lambda _: None
            world.clock.advance(timedelta(seconds=661))
            world.deliver(task)  # the guard task: the claim has expired

    world.gemini.on_call = slow
    assert world.advance(task.payload) is Outcome.ABANDONED

    (operation,) = operations(world)
    assert (operation.state, bool(operation.operation)) == (ImportState.SENT, True)
    play_to(world, FileStatus.UNCERTAIN)
    play_out(world, batch)
    assert world.gemini.imports == 1
    assert in_step(world)


# --- source and sidecar change between upload and import --------------------------------------


def test_an_object_replaced_between_upload_and_import_is_uploaded_anew() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    world.put({PATH: "other content"})

    world.deliver(task)

    assert world.file(PATH).status is FileStatus.PENDING
    play_out(world, batch)
    assert (world.gemini.calls["upload"], world.gemini.imports) == (2, 1)
    assert contents(world) == wanted(world)


@pytest.mark.parametrize("status", [FileStatus.PENDING, FileStatus.UPLOADED])
def test_an_object_that_is_back_as_it_was_indexed_is_not_imported_again(
    status: FileStatus,
) -> None:
    world = synced()
    document = world.file(PATH).current_document
    world.put({PATH: "other content"})
    world.clock.advance(SECOND)
    batch = begun(world)
    task = come_to_task(world, status, "uploads")
    world.put({PATH: f"content of {PATH}"})

    world.deliver(task)

    assert play_out(world, batch).status == "completed"
    assert (world.file(PATH).status, world.gemini.imports) == (FileStatus.INDEXED, 1)
    assert world.file(PATH).current_document == document
    assert in_step(world)


def test_an_object_removed_between_upload_and_import_is_never_imported() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    world.bucket.delete(PATH)

    world.deliver(task)

    assert world.file(PATH).status is FileStatus.DELETED
    assert play_out(world, batch).status == "completed"
    assert world.gemini.imports == 0


def test_metadata_changed_between_upload_and_import_makes_one_document_of_the_new() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    world.bucket.touch_metadata(PATH, {"title": "New"})

    world.deliver(task)
    play_out(world, batch)

    (document,) = world.store_documents()
    assert document.metadata["title"] == "New"
    assert world.gemini.imports == 1


@pytest.mark.parametrize("change", ["replaced", "removed", "added"])
def test_a_sidecar_changed_between_upload_and_import_makes_one_document_of_the_new(
    change: str,
) -> None:
    world = world_with()
    sidecar = f"{PATH}.meta.json"
    if change != "added":
        world.put({sidecar: '{"title": "Old"}'})
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    if change == "removed":
        world.bucket.delete(sidecar)
    else:
        world.put({sidecar: '{"title": "New"}'})

    world.deliver(task)
    play_out(world, batch)
    if change == "added":  # seen by the next scan at the latest
        world.sync()

    (document,) = world.store_documents()
    assert document.metadata.get("title") == (None if change == "removed" else "New")
    assert list(contents(world)) == [PATH]


def test_an_unreadable_sidecar_does_not_stop_its_file_and_is_reported() -> None:
    world = world_with()
    world.put({f"{PATH}.meta.json": "not JSON"})

    world.sync()

    assert world.file(PATH).status is FileStatus.INDEXED
    assert world.file(PATH).metadata_reports


# --- the raw file -----------------------------------------------------------------------------


def test_a_raw_file_with_less_than_two_hours_to_live_is_uploaded_again_first() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    old = raw_name(world.file(PATH))
    world.clock.advance(46 * HOUR + SECOND)

    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.upload_epoch) == (FileStatus.PENDING, 1)
    assert world.gemini.calls["import_file"] == 0
    with pytest.raises(Exception, match="403"):
        world.gemini.get_file(old)
    play_out(world, batch)


def test_an_expired_raw_file_is_uploaded_again_without_an_attempt() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")

    def expire(call: str) -> None:
        if call == "import_file:enter":
            world.gemini.on_call = lambda _: None
            world.gemini.delete_file(raw_name(world.file(PATH)))

    world.gemini.on_call = expire
    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.failed_kind) == (FileStatus.PENDING, None)
    (operation,) = operations(world)
    assert operation.state is ImportState.FAILED
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


@pytest.mark.parametrize("state", ["slow", "failed", "gone", "unreadable"])
def test_no_import_is_sent_of_a_raw_file_that_isnt_active(state: str) -> None:
    """The poller looks after it, and the slot is lost."""
    world = world_with()
    world.gemini.file_latency = 2 * MINUTE if state == "slow" else timedelta()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    match state:
        case "failed":
            spoil(world, state=RemoteState.FAILED)
        case "gone":
            world.gemini.delete_file(raw_name(world.file(PATH)))
        case "unreadable":
            world.gemini.fail_next("get_file", unavailable())

    world.deliver(task)

    assert world.gemini.calls["import_file"] == 0
    assert world.file(PATH).schedule.look_at is not None
    assert operations(world) == []
    assert play_out(world, batch).status == "completed"
    assert (world.gemini.imports, world.gemini.calls["import_file"]) == (1, 1)
    assert in_step(world)


def test_a_raw_file_said_not_to_be_ready_is_tried_again_and_not_a_permanent_failure() -> None:
    world = world_with()
    world.gemini.fail_next(
        "import_file", BadRequest("import_file", code=400, status="FAILED_PRECONDITION")
    )

    summary = world.sync()

    assert summary["status"] == "completed"
    assert (world.gemini.calls["upload"], world.gemini.calls["import_file"]) == (1, 2)


# --- errors -----------------------------------------------------------------------------------


def test_a_429_on_an_import_gives_the_attempt_back_and_keeps_the_upload() -> None:
    """The earlier system marked the file failed."""
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    tries = world.file(PATH).tries
    world.gemini.fail_next("import_file", throttled(retry_after=20 * SECOND))

    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.schedule.slot) == (FileStatus.UPLOADED, Slot.IMPORT)
    assert (file.tries, file.failure, file.requests.throttled) == (tries, None, 1)
    assert file.schedule.ready_at == world.clock.now() + 20 * SECOND
    assert throttled_calls(world) == ["gemini.call"]
    assert play_out(world, batch).status == "completed"
    assert (world.gemini.calls["upload"], world.gemini.imports) == (1, 1)


def test_a_refused_import_is_permanent_and_leaves_the_old_document_where_it_was() -> None:
    world = world_with()
    world.sync()
    old = world.file(PATH).current_document
    world.put({PATH: "new content"})
    world.gemini.fail_next(
        "import_file", BadRequest("import_file", code=400, status="INVALID_ARGUMENT")
    )

    summary = world.sync()

    file = world.file(PATH)
    assert (file.status, file.failed_kind) == (FileStatus.FAILED, FailureKind.PERMANENT)
    assert [document.name for document in world.store_documents()] == [old]
    assert file.current_document == old
    assert summary["failures"][0]["kind"] == "permanent"


def test_an_import_that_never_works_is_exhausted_after_its_attempts() -> None:
    world = world_with()
    for _ in range(20):
        world.gemini.fail_next("import_file", unavailable())
    batch = begun(world)

    closed = play_out(world, batch)

    file = world.file(PATH)
    assert closed.status == "completed_with_failures"
    assert (file.status, file.failed_kind) == (FileStatus.FAILED, FailureKind.EXHAUSTED)
    assert {o.state for o in operations(world)} == {ImportState.FAILED}
    assert world.gemini.imports == 0


def test_an_account_fault_stops_the_batch_and_counts_against_no_file() -> None:
    world = world_with("a.md", "b.md")
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)

    def refuse(call: str) -> None:
        if call.endswith(":enter"):
            raise denied()

    world.gemini.on_call = refuse
    closed = play_out(world, batch)

    assert closed.status == "failed"
    assert closed.completed_at is not None
    assert closed.created_at is not None
    assert closed.completed_at - closed.created_at < HOUR
    assert "No file was marked as failed" in closed.message
    assert [f.path for f in world.files() if f.status is FileStatus.FAILED] == []
    world.gemini.on_call = lambda _: None
    later(world, HOUR)
    assert world.sync()["status"] == "completed"
    assert in_step(world)


@pytest.mark.parametrize("refusal", [denied(), BadRequest("import_file", code=400)], ids=str)
@pytest.mark.parametrize("unknown", [throttled(), unavailable(), lost()], ids=str)
def test_an_error_counts_against_no_file_while_the_store_cannot_be_read(
    refusal: GatewayError, unknown: GatewayError
) -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    attempts = world.file(PATH).tries.attempts
    world.gemini.fail_next("import_file", refusal)
    world.gemini.fail_next("get_store", unknown)

    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.tries.attempts) == (FileStatus.UPLOADED, attempts)
    is_slowed = world.records.get(Polls, POLLS).record is not None
    assert is_slowed == isinstance(unknown, Throttled)
    assert play_out(world, batch).status == "completed"
    assert world.gemini.calls["upload"] == 1
    assert in_step(world)


def test_a_404_of_the_raw_file_restarts_with_the_upload() -> None:
    world = world_with()
    world.gemini.fail_next("import_file", NotFound("import_file", code=404))

    assert world.sync()["status"] == "completed"
    assert world.gemini.calls["upload"] == 2
    assert in_step(world)


def test_a_metered_request_is_made_by_one_delivery_only_even_if_it_fails() -> None:
    world = world_with(*(f"{n}.md" for n in range(8)))
    for error in (throttled(), unavailable(), lost(), denied()):
        world.gemini.fail_next("upload", error)
    world.gemini.fail_next("import_file", unavailable())
    batch = begun(world)

    play_out(world, batch)

    assert max(count for _, _, count in world.deliveries) == 1
    assert {q for _, q, count in world.deliveries if count} == {"uploads"}
    assert batch_now(world, batch).requests["metered"] == world.gemini.metered
