"""Following an import to INDEXED: operation, document, earlier documents, raw file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import BadRequest, Forbidden, GatewayError, NotFound, Unavailable
from shared.domain.file.ledger import ImportState
from shared.domain.file.record import FailureKind, FileStatus
from shared.domain.throttle.unmetered import Polls
from shared.gateways.database.records import POLLS
from shared.gateways.ports import Document, ImportOperation, RemoteState
from tests.file_records import document_name, is_document_failed
from tests.services.story import (
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    Crash,
    begun,
    breaker_now,
    cancelled,
    come_to_look,
    come_to_task,
    denied,
    in_step,
    later,
    lost,
    operations,
    play,
    play_for,
    play_out,
    play_to,
    synced,
    throttled,
    unavailable,
    world_with,
)
from tests.twins.imports import ImportFate
from tests.world import World


def given_fate(world: World, document: str, fate: ImportFate) -> None:
    """Let a document be from now on as if its import had had this fate."""
    store = world.gemini._stores[document.partition("/documents/")[0]]
    store.imports[document] = replace(store.imports[document], fate=fate)


def names(world: World) -> list[str]:
    return [document.name for document in world.store_documents()]


def test_an_operation_is_polled_until_it_is_done() -> None:
    """The earlier system polled once and took done=False for the end."""
    world = world_with()
    world.gemini.import_latency = 5 * MINUTE
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    began = world.clock.now()

    play_to(world, FileStatus.INDEXED)

    assert world.clock.now() - began >= 5 * MINUTE
    assert world.gemini.calls["get_operation"] > 6
    assert world.gemini.imports == 1
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_the_time_between_looks_grows_and_task_schedules_do_the_waiting() -> None:
    world = world_with()
    world.gemini.import_latency = 20 * MINUTE
    begun(world)
    play_to(world, FileStatus.IMPORTING)
    waits = []
    for _ in range(12):
        task = come_to_look(world, FileStatus.IMPORTING)
        began = world.clock.now()
        world.deliver(task)
        assert world.clock.now() == began
        look_at = world.file(PATH).schedule.look_at
        assert look_at is not None
        waits.append(look_at - began)

    assert waits[0] >= 4 * SECOND
    assert waits == sorted(waits)
    assert max(waits) == 60 * SECOND


def test_an_operation_is_resumed_by_its_saved_name_in_another_process() -> None:
    """The earlier system raised AttributeError when it resumed a saved operation."""
    world = world_with()
    world.gemini.import_latency = 10 * MINUTE
    batch = begun(world)
    task = come_to_look(world, FileStatus.IMPORTING)
    world.gemini.fail_next("get_operation", Crash())
    with pytest.raises(Crash):
        world.deliver(task)
    call = world.file(PATH).import_call
    assert call is not None
    name = call.operation
    assert name

    assert play_out(world, batch).status == "completed"

    assert world.gemini.imports == 1
    assert [o.operation for o in operations(world)] == [name]
    assert in_step(world)


def test_a_missing_done_is_pending_and_never_taken_for_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_with()
    world.gemini.import_latency = MINUTE
    batch = begun(world)
    document = "fileSearchStores/store-000000000001/documents/doc-000000000009"
    named = ImportOperation("op", done=False, document=document)
    ask = world.gemini.get_operation
    answers = [named] * 5
    monkeypatch.setattr(
        world.gemini, "get_operation", lambda name: answers.pop() if answers else ask(name)
    )

    assert play_out(world, batch).status == "completed"

    assert answers == []
    assert in_step(world)


def hide_document(world: World) -> Callable[[], None]:
    """Let the document of every import be missing; returns what shows it again."""
    ask = world.gemini.get_document

    def missing(name: str) -> Document:
        raise NotFound("gemini.get_document", code=404, detail=name)

    world.gemini.get_document = missing  # type: ignore[method-assign]  # this world only

    def show() -> None:
        world.gemini.get_document = ask  # type: ignore[method-assign]  # this world only

    return show


@pytest.mark.parametrize("latency", [timedelta(), 20 * SECOND], ids=["at once", "soon"])
def test_an_operation_that_is_never_done_holds_nothing_up_if_its_document_is_active(
    latency: timedelta,
) -> None:
    world = world_with()
    world.gemini.import_latency = latency
    world.gemini.fates.append(ImportFate(operation_hangs=True))
    batch = begun(world)
    come_to_task(world, FileStatus.UPLOADED, "uploads")
    began = world.clock.now()

    play_to(world, FileStatus.INDEXED)

    assert world.clock.now() - began <= latency * 1.5 + 10 * SECOND
    assert world.gemini.calls["list_documents"] == 0
    assert world.gemini.calls["get_document"] <= 4
    assert play_out(world, batch).status == "completed"
    (entry,) = operations(world)
    assert (entry.state, entry.document) == (
        ImportState.SUCCEEDED,
        world.file(PATH).current_document,
    )
    assert (world.gemini.imports, world.gemini.calls["import_file"]) == (1, 1)
    assert in_step(world)


def test_the_document_of_an_operation_that_is_never_done_is_not_taken_if_its_content_differs() -> (
    None
):
    world = world_with()
    world.gemini.fates.append(ImportFate(operation_hangs=True))
    batch = begun(world)
    ask = world.gemini.get_document

    def other(name: str) -> Document:
        return replace(ask(name), metadata={"content_key": "another"})

    world.gemini.get_document = other  # type: ignore[method-assign]  # this world only
    play_to(world, FileStatus.IMPORTING)
    play_for(world, MINUTE)

    file = world.file(PATH)
    assert (file.status, file.new_document) == (FileStatus.IMPORTING, None)
    world.gemini.get_document = ask  # type: ignore[method-assign]  # this world only
    assert play_out(world, batch).status == "completed"
    assert world.gemini.imports == 1


def test_a_failed_document_of_an_operation_that_is_never_done_has_its_grace() -> None:
    world = world_with()
    fate = ImportFate(operation_hangs=True, document_fails=True, recovers_after=2 * MINUTE)
    world.gemini.fates.append(fate)
    batch = begun(world)

    assert play_out(world, batch).status == "completed"

    assert world.clock.now() - (batch.created_at or world.clock.now()) < 10 * MINUTE
    assert world.gemini.imports == 1
    assert in_step(world)


@pytest.mark.parametrize(
    "error",
    [
        NotFound("gemini.get_operation", code=404),
        Forbidden("gemini.get_operation", code=403),
        BadRequest("gemini.get_operation", code=400),
        Unavailable("gemini.get_operation", code=503),
    ],
    ids=["404", "403", "400", "503"],
)
@pytest.mark.parametrize("latency", [timedelta(), 20 * SECOND], ids=["at once", "soon"])
def test_an_operation_that_cannot_be_read_holds_nothing_up_if_its_document_is_active(
    error: GatewayError, latency: timedelta
) -> None:
    world = world_with()
    world.gemini.import_latency = latency
    batch = begun(world)

    def unreadable(name: str) -> ImportOperation:
        assert name
        raise error

    world.gemini.get_operation = unreadable  # type: ignore[method-assign]  # this world only
    come_to_task(world, FileStatus.UPLOADED, "uploads")
    began = world.clock.now()

    play_to(world, FileStatus.INDEXED)

    assert world.clock.now() - began <= 2 * MINUTE
    assert play_out(world, batch).status == "completed"
    assert [o.state for o in operations(world)] == [ImportState.SUCCEEDED]
    assert world.gemini.imports == 1
    assert in_step(world)


def test_an_operation_that_ends_without_naming_its_document_is_no_mystery() -> None:
    world = world_with()
    batch = begun(world)

    def nameless(name: str) -> ImportOperation:
        return ImportOperation(name, done=True)

    world.gemini.get_operation = nameless  # type: ignore[method-assign]  # this world only
    assert play_out(world, batch).status == "completed"

    assert world.clock.now() - (batch.created_at or world.clock.now()) < 2 * MINUTE
    assert world.gemini.imports == 1
    assert in_step(world)


def test_after_an_operations_deadline_the_search_adopts_its_document() -> None:
    world = world_with()
    world.gemini.fates.append(ImportFate(operation_hangs=True))
    show = hide_document(world)
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    began = world.clock.now()

    play_to(world, FileStatus.UNCERTAIN)

    assert HOUR <= world.clock.now() - began <= HOUR + 2 * MINUTE
    assert [o.state for o in operations(world)] == [ImportState.SENT]
    show()
    assert play_out(world, batch).status == "completed"
    assert [o.state for o in operations(world)] == [ImportState.SUCCEEDED]
    assert (world.gemini.imports, world.gemini.calls["import_file"]) == (1, 1)
    assert in_step(world)


def test_the_document_of_an_operation_that_is_gone_is_searched_in_the_store() -> None:
    world = world_with()
    world.gemini.import_latency = 3 * MINUTE
    show = hide_document(world)
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    world.gemini._operations.clear()
    play_to(world, FileStatus.UNCERTAIN)
    show()

    assert play_out(world, batch).status == "completed"
    assert world.gemini.calls["import_file"] == 1
    assert in_step(world)


def test_an_operation_that_can_never_be_read_ends_at_its_deadline() -> None:
    world = world_with()
    batch = begun(world)

    def broken(call: str) -> None:
        if call == "get_operation:enter":
            raise unavailable()

    world.gemini.on_call = broken
    assert play_out(world, batch).status == "completed"

    assert world.clock.now() - (batch.created_at or world.clock.now()) < 4 * HOUR
    assert world.gemini.calls["import_file"] == 1
    assert in_step(world)


@pytest.mark.parametrize("code", [13, 14, 4, 8], ids=["internal", "unavailable", "deadline", "?"])
def test_an_operation_that_ends_in_a_passing_error_is_tried_again_from_the_same_upload(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_with()
    batch = begun(world)
    ask = world.gemini.get_operation
    bad = [True]

    def once(name: str) -> ImportOperation:
        if bad:
            bad.pop()
            world.gemini.delete_document(ask(name).document or "")
            return ImportOperation(name, done=True, error_code=code, error="it broke")
        return ask(name)

    monkeypatch.setattr(world.gemini, "get_operation", once)

    assert play_out(world, batch).status == "completed"

    assert (world.gemini.calls["upload"], world.gemini.imports) == (1, 2)
    states = sorted(o.state for o in operations(world))
    assert states == [ImportState.FAILED, ImportState.SUCCEEDED]
    assert in_step(world)


def test_an_operation_that_ends_in_invalid_argument_is_a_permanent_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_with()
    batch = begun(world)
    ask = world.gemini.get_operation

    def refused(name: str) -> ImportOperation:
        world.gemini.delete_document(ask(name).document or "")
        return ImportOperation(name, done=True, error_code=3, error="bad file")

    monkeypatch.setattr(world.gemini, "get_operation", refused)

    assert play_out(world, batch).status == "completed_with_failures"

    file = world.file(PATH)
    assert (file.status, file.failed_kind) == (FileStatus.FAILED, FailureKind.PERMANENT)
    assert world.gemini.calls["import_file"] == 1
    world.sync()
    assert world.gemini.calls["import_file"] == 1


def test_a_failed_operations_document_is_deleted_before_the_file_is_indexed() -> None:
    world = world_with()
    world.gemini.fates.append(ImportFate(operation_fails=True))

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.imports == 2
    assert in_step(world)


def test_a_failed_operations_document_that_recovers_makes_no_second_one() -> None:
    world = world_with()
    world.gemini.fates.append(ImportFate(operation_fails=True, recovers_after=2 * HOUR))
    world.sync()

    world.clock.advance(3 * HOUR)

    active = [d for d in world.store_documents() if d.state is RemoteState.ACTIVE]
    assert [d.name for d in active] == [world.file(PATH).current_document]


@pytest.mark.parametrize(
    ("answer", "status", "imports"),
    [
        (unavailable(), "completed_with_failures", 1),
        (NotFound("get_operation", code=404), "completed", 2),
    ],
    ids=["503", "404"],
)
@pytest.mark.parametrize("is_gone", [False, True], ids=["late", "at once"])
def test_a_refused_operations_document_whose_deletion_was_sent_does_not_count(
    answer: GatewayError, status: str, imports: int, is_gone: bool
) -> None:
    """Even if it turns ACTIVE, and the operation can't be read any more."""
    world = world_with()
    world.gemini.fates.append(
        ImportFate(operation_fails=True, error_code=3, recovers_after=5 * SECOND)
    )
    batch = begun(world)
    world.gemini.fail_next("delete_document", lost(), after_effect=is_gone)
    play(world, lambda: world.gemini.calls["delete_document"] == 1)
    (made,) = world.file(PATH).stale_documents
    world.gemini.fail_next("get_operation", answer)

    assert play_out(world, batch).status == status

    assert made not in names(world)
    assert world.gemini.imports == imports
    file = world.file(PATH)
    assert (file.current_document, file.stale_documents) == (next(iter(names(world)), None), ())


# --- the document -----------------------------------------------------------------------------


def test_a_failed_document_that_turns_active_within_its_grace_is_kept() -> None:
    world = world_with()
    world.gemini.fates.append(ImportFate(document_fails=True, recovers_after=2 * MINUTE))

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.imports == 1
    assert in_step(world)


def test_a_document_that_failed_for_good_is_deleted_and_imported_again() -> None:
    world = world_with()
    world.gemini.fates.append(ImportFate(document_fails=True))
    batch = begun(world)
    play(world, lambda: bool(world.files()) and is_document_failed(world.file(PATH)))
    failed_at = world.clock.now()

    assert play_out(world, batch).status == "completed"

    assert world.clock.now() - failed_at >= 5 * MINUTE
    assert world.gemini.imports == 2
    assert world.gemini.calls["upload"] == 1
    assert in_step(world)
    assert breaker_now(world).failed_documents


@pytest.mark.parametrize("answer", [lost(), unavailable(), Crash()], ids=["lost", "503", "crash"])
def test_a_failed_document_whose_deletion_was_sent_does_not_count_if_it_turns_active(
    answer: GatewayError | Crash,
) -> None:
    """The deletion may take effect at any time after its reply was lost."""
    world = world_with()
    world.gemini.fates.append(ImportFate(document_fails=True))
    batch = begun(world)
    world.gemini.fail_next("delete_document", answer)
    play(world, lambda: world.gemini.calls["delete_document"] == 1)
    (made,) = world.store_documents()
    given_fate(world, made.name, ImportFate())

    assert play_out(world, batch).status == "completed"

    assert made.name not in names(world)
    assert world.gemini.imports == 2
    assert in_step(world)


def test_a_document_that_always_fails_is_given_up_and_leaves_none_behind() -> None:
    world = world_with()
    world.gemini.fates.extend([ImportFate(document_fails=True)] * 20)

    summary = world.sync()

    assert summary["status"] == "completed_with_failures"
    assert summary["failures"][0]["kind"] == "exhausted"
    assert world.store_documents() == []


def test_a_document_that_never_becomes_active_is_given_up_at_its_deadline() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    world.gemini.import_latency = 300 * HOUR

    def done_at_once(name: str) -> ImportOperation:
        (made,) = [m for m in world.gemini._operations.values() if m.operation == name]
        return ImportOperation(name, done=True, document=made.document.name)

    world.gemini.get_operation = done_at_once  # type: ignore[method-assign]  # this world only
    world.deliver(task)
    began = world.clock.now()
    play_to(world, FileStatus.UPLOADED)

    assert HOUR <= world.clock.now() - began <= HOUR + 2 * MINUTE
    world.gemini.import_latency = timedelta()
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_a_document_of_other_content_is_not_adopted() -> None:
    world = synced("other.md")
    (foreign,) = world.store_documents()
    world.put({PATH: "mine"})
    batch = begun(world)
    ask = world.gemini.get_operation
    lies = [True]

    def lie(name: str) -> ImportOperation:
        if lies:
            lies.pop()
            return ImportOperation(name, done=True, document=foreign.name)
        return ask(name)

    world.gemini.get_operation = lie  # type: ignore[method-assign]  # this world only

    assert play_out(world, batch).status == "completed"
    assert world.gemini.calls["import_file"] == 2  # one for each file
    assert in_step(world)


def test_a_document_missing_in_the_store_is_imported_again() -> None:
    world = world_with()
    world.gemini.fail_next("get_document", NotFound("get_document", code=404))

    summary = world.sync()

    assert summary["status"] == "completed"
    assert in_step(world)


def test_a_sync_waits_if_a_poll_meets_an_account_fault() -> None:
    world = world_with()
    world.gemini.import_latency = 10 * MINUTE
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)

    def refuse(call: str) -> None:
        if call.endswith(":enter"):
            raise denied()

    world.gemini.on_call = refuse
    closed = play_out(world, batch)

    assert closed.status == "failed"
    assert [f.status for f in world.files() if f.status is FileStatus.FAILED] == []
    world.gemini.on_call = lambda _: None
    later(world, HOUR)
    world.sync()
    assert world.gemini.imports == 1
    assert in_step(world)


# --- polls and the breaker --------------------------------------------------------------------


@pytest.mark.parametrize("call", ["get_operation", "get_document", "delete_file"])
def test_a_429_on_a_look_slows_the_looks_and_changes_nothing_for_the_file(call: str) -> None:
    """In the earlier system gets and polls bypassed the breaker."""
    world = world_with()
    world.gemini.fail_next(call, throttled(retry_after=30 * SECOND))
    batch = begun(world)
    task = come_to_look(world, FileStatus.IMPORTING)

    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.failed_kind) == (FileStatus.IMPORTING, None)
    polls = world.records.get(Polls, POLLS).present
    assert (polls.share, polls.held_until) == (0.5, world.clock.now() + 30 * SECOND)
    assert file.schedule.look_at is not None
    assert file.schedule.look_at - world.clock.now() >= 30 * SECOND
    closed = play_out(world, batch)
    assert (closed.status, closed.requests["throttled"]) == ("completed", 1)
    assert world.gemini.imports == 1
    assert in_step(world)


def test_a_429_on_a_look_at_a_new_upload_slows_the_looks() -> None:
    world = world_with()
    world.gemini.file_latency = MINUTE
    world.gemini.fail_next("get_file", throttled())
    batch = begun(world)

    assert play_out(world, batch).status == "completed"
    assert breaker_now(world).hold_until is None
    assert world.records.get(Polls, POLLS).present.held_until is not None
    assert world.gemini.metered == 2


# --- earlier documents ------------------------------------------------------------------------


def test_a_replacement_deletes_the_old_document_only_after_the_new_is_verified() -> None:
    """The earlier system orphaned the old document of changed content."""
    world = synced()
    old = world.file(PATH).current_document
    world.put({PATH: "better content"})
    world.gemini.import_latency = 5 * MINUTE
    calls = []

    def note(call: str) -> None:
        if call == "delete_document:enter":
            states = [d.state for d in world.store_documents()]
            calls.append(states)

    batch = begun(world)
    world.gemini.on_call = note
    play_to(world, FileStatus.IMPORTING)
    assert old in [d.name for d in world.store_documents()]

    assert play_out(world, batch).status == "completed"

    assert calls == [[RemoteState.ACTIVE, RemoteState.ACTIVE]]
    assert old not in [d.name for d in world.store_documents()]
    assert in_step(world)


@pytest.mark.parametrize(
    "fate", [ImportFate(), ImportFate(operation_fails=True)], ids=["good", "failed"]
)
def test_a_403_that_passes_leaves_no_document_of_the_import_behind(fate: ImportFate) -> None:
    """A bad API key for a moment: Gemini answers 403 for the document, then reads work again."""
    world = world_with()
    world.gemini.fates.append(fate)
    world.gemini.fail_next("get_document", denied())

    assert world.sync()["status"] == "completed"
    assert world.gemini.imports == 1 + fate.operation_fails
    assert in_step(world)


@pytest.mark.parametrize(
    "answer", [NotFound("delete_document", code=404), denied()], ids=["404", "403"]
)
def test_an_old_document_that_is_gone_already_is_no_error(answer: GatewayError) -> None:
    world = synced()
    world.gemini.delete_document(document_name(world.file(PATH)))
    world.put({PATH: "better content"})
    world.gemini.fail_next("delete_document", answer)

    assert world.sync()["status"] == "completed"
    assert in_step(world)


def test_a_403_on_the_old_document_is_not_believed_while_the_store_is_refused_too() -> None:
    world = synced()
    old = world.file(PATH).current_document
    world.put({PATH: "better content"})
    batch = begun(world)
    task = come_to_look(world, FileStatus.IMPORTING)
    world.gemini.fail_next("delete_document", denied())
    world.gemini.fail_next("get_store", denied())

    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.stale_documents) == (FileStatus.IMPORTING, (old,))
    play_out(world, batch)
    later(world, HOUR)
    world.sync()
    assert in_step(world)


def test_an_error_deleting_the_old_document_leaves_the_file_unfinished_until_it_is_gone() -> None:
    world = synced()
    world.put({PATH: "better content"})
    for _ in range(3):
        world.gemini.fail_next("delete_document", unavailable())

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.calls["import_file"] == 2
    assert in_step(world)


@pytest.mark.parametrize("is_gone", [False, True], ids=["late", "at once"])
def test_an_old_document_whose_deletion_was_sent_is_not_current_again(is_gone: bool) -> None:
    """The new document fails after all, and the object has its old content again."""
    world = synced()
    old = document_name(world.file(PATH))
    world.put({PATH: "changed"})
    batch = begun(world)
    world.gemini.fail_next("delete_document", lost(), after_effect=is_gone)
    play(world, lambda: world.gemini.calls["delete_document"] == 1)
    given_fate(world, world.file(PATH).new_document or "", ImportFate(document_fails=True))
    world.put({PATH: f"content of {PATH}"})
    play(world, lambda: world.file(PATH).status is FileStatus.PENDING)
    cancelled(world, batch)
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    if not is_gone:
        world.gemini.delete_document(old)

    assert play_out(world, batch).status == "completed"

    assert in_step(world)


def test_a_crash_after_the_old_document_was_deleted_goes_on_to_the_end() -> None:
    world = synced()
    world.put({PATH: "better content"})
    batch = begun(world)
    task = come_to_look(world, FileStatus.IMPORTING)
    world.gemini.fail_next("delete_document", Crash(), after_effect=True)
    with pytest.raises(Crash):
        world.deliver(task)

    assert play_out(world, batch).status == "completed"
    assert world.gemini.calls["import_file"] == 2
    assert in_step(world)


# --- the object changes -----------------------------------------------------------------------


def test_content_that_changed_while_its_import_ran_is_imported_right_after_and_replaces_it() -> (
    None
):
    world = world_with()
    world.gemini.import_latency = 10 * MINUTE
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    cancelled(world, batch)
    world.put({PATH: "newer content"})

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.imports == 2
    assert in_step(world)


def test_an_object_removed_while_its_import_ran_leaves_no_document() -> None:
    world = world_with()
    world.gemini.import_latency = 10 * MINUTE
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    cancelled(world, batch)
    world.bucket.delete(PATH)

    summary = world.sync()

    assert summary["status"] == "completed"
    assert (summary["removed"], summary["deleted"]) == (1, 1)
    assert world.store_documents() == []


def test_a_400_on_a_poll_is_not_a_failure_of_the_file() -> None:
    world = world_with()
    world.gemini.fail_next("get_operation", BadRequest("get_operation", code=400))

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.imports == 1
    assert in_step(world)
