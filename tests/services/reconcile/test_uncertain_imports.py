"""The search for uncertain imports: one listing of the store settles all of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.errors import BadRequest
from shared.domain.file.record import FailureKind, FileStatus
from shared.domain.throttle.unmetered import Polls
from shared.gateways.database.records import POLLS, UNCERTAIN_SEARCH
from shared.gateways.ports import RemoteState
from shared.services.context import Deadline
from shared.services.reconcile.uncertain_imports import ResolveUncertain, UncertainSearch
from tests.services.story import (
    HOUR,
    MINUTE,
    PATH,
    batch_now,
    begun,
    breaker_now,
    cancelled,
    come_to_task,
    in_step,
    lost,
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


def uncertain(world: World, *, took_effect: bool) -> None:
    """Lose the reply to the next import, and play until its file is UNCERTAIN."""
    world.gemini.fail_next("import_file", lost(), after_effect=took_effect)
    play_to(world, FileStatus.UNCERTAIN)


def search(world: World, *, within: timedelta = MINUTE) -> int:
    (store,) = world.gemini.list_stores().stores
    return ResolveUncertain(world.context)(store.name, "batch", Deadline.after(world.clock, within))


def test_before_the_imports_deadline_nothing_is_decided() -> None:
    world = world_with()
    begun(world)
    uncertain(world, took_effect=True)

    play_for(world, HOUR - MINUTE)

    assert world.file(PATH).status is FileStatus.UNCERTAIN
    assert world.gemini.calls["list_documents"] == 0


def test_one_listing_settles_all_files_whose_imports_are_due() -> None:
    paths = [f"{n}.md" for n in range(6)]
    world = world_with(*paths)
    batch = begun(world)
    for _ in range(3):
        world.gemini.fail_next("import_file", lost(), after_effect=True)
        world.gemini.fail_next("import_file", lost())
    play(world, lambda: [f.status for f in world.files()] == [FileStatus.UNCERTAIN] * 6)

    assert play_out(world, batch).status == "completed"

    assert world.gemini.imports == 6
    assert world.gemini.calls["list_documents"] == 1
    assert in_step(world)


def test_a_listing_that_fails_decides_nothing() -> None:
    world = world_with()
    begun(world)
    uncertain(world, took_effect=True)
    world.clock.advance(HOUR)
    world.gemini.fail_next("list_documents", unavailable())

    with pytest.raises(Exception, match="503"):
        search(world)

    assert world.file(PATH).status is FileStatus.UNCERTAIN
    assert world.gemini.imports == 1


def test_a_listing_that_fails_on_its_second_page_goes_on_there_and_not_from_the_start() -> None:
    world = synced(*(f"{n:02d}.md" for n in range(45)))
    world.put({PATH: "the 46th, on page three"})
    batch = begun(world)
    uncertain(world, took_effect=True)
    world.clock.advance(HOUR)
    pages = []
    ask = world.gemini.list_documents
    fault = [unavailable()]

    def listing(store: str, token: str = "") -> object:
        pages.append(token)
        if token and fault:
            raise fault.pop()
        return ask(store, token)

    world.gemini.list_documents = listing  # type: ignore[method-assign,assignment]  # this world only

    assert play_out(world, batch).status == "completed"

    assert len(pages) == 4  # first, second in vain, second, third
    assert world.gemini.imports == 46
    world.gemini.list_documents = ask  # type: ignore[method-assign]  # as it was
    assert in_step(world)


def test_an_unfinished_listing_decides_nothing_and_is_continued() -> None:
    world = synced(*(f"{n:02d}.md" for n in range(45)))
    world.put({PATH: "the 46th"})
    begun(world)
    uncertain(world, took_effect=True)
    world.clock.advance(HOUR)
    count = world.gemini.calls["list_documents"]

    def slow(call: str) -> None:
        if call == "list_documents:exit":
            world.clock.advance(2 * MINUTE)

    world.gemini.on_call = slow
    settled = [search(world) for _ in range(3)]

    assert settled == [0, 0, 1]
    assert world.gemini.calls["list_documents"] - count == 3
    assert world.file(PATH).status is FileStatus.IMPORTING


def test_an_invalid_saved_page_token_begins_the_listing_again() -> None:
    world = world_with()
    batch = begun(world)
    uncertain(world, took_effect=True)
    key = world.file(PATH).working_key
    assert key is not None
    state = UncertainSearch(started_at=world.clock.now(), page_token="old", wanted=(key,))
    world.records.change(UncertainSearch, UNCERTAIN_SEARCH, lambda _: state)
    world.clock.advance(HOUR)
    ask = world.gemini.list_documents

    def listing(store: str, token: str = "") -> object:
        if token == "old":
            raise BadRequest("list_documents", code=400, status="INVALID_ARGUMENT")
        return ask(store, token)

    world.gemini.list_documents = listing  # type: ignore[method-assign,assignment]  # this world only

    assert play_out(world, batch).status == "completed"

    world.gemini.list_documents = ask  # type: ignore[method-assign]  # as it was
    assert in_step(world)


def test_an_import_that_is_not_due_when_a_listing_begins_is_not_decided_by_it() -> None:
    world = world_with()
    batch = begun(world)
    uncertain(world, took_effect=False)
    play_for(world, HOUR / 2)
    cancelled(world, batch)
    world.put({"b.md": "the second"})
    batch = begun(world)
    world.gemini.fail_next("import_file", lost(), after_effect=True)
    play_to(world, FileStatus.UNCERTAIN, "b.md")
    world.clock.advance(HOUR / 2)

    assert search(world) == 1

    assert world.file(PATH).status is FileStatus.UPLOADED
    assert world.file("b.md").status is FileStatus.UNCERTAIN
    assert play_out(world, batch).status == "completed"
    assert world.gemini.imports == 2
    assert in_step(world)


def test_a_search_whose_end_was_not_saved_decides_no_later_import_of_the_same_content() -> None:
    """Its first page was listed before that import took effect, and is not listed again."""
    world = world_with(*(f"{n:02d}.md" for n in range(25)))
    world.sync()
    world.put({PATH: "the 26th"})
    begun(world)
    uncertain(world, took_effect=False)
    world.clock.advance(HOUR)

    def slow(call: str) -> None:
        if call == "list_documents:exit":
            world.clock.advance(2 * MINUTE)

    world.gemini.on_call = slow
    assert search(world) == 0
    world.gemini.on_call = lambda _: None
    unsaved = world.records.get(UncertainSearch, UNCERTAIN_SEARCH).present
    assert search(world) == 1
    uncertain(world, took_effect=True)
    world.records.change(UncertainSearch, UNCERTAIN_SEARCH, lambda _: unsaved)

    assert search(world) == 0

    assert world.file(PATH).status is FileStatus.UNCERTAIN
    world.clock.advance(HOUR)
    assert search(world) == 1
    assert world.file(PATH).status is FileStatus.IMPORTING
    assert world.gemini.imports == 26


def test_of_two_documents_of_one_import_the_newest_stays() -> None:
    world = world_with()
    batch = begun(world)
    uncertain(world, took_effect=True)
    (document,) = world.store_documents()
    (made,) = world.gemini._operations.values()
    twin = f"{document.name[:-1]}9"
    world.gemini._stores[document.name.partition("/documents/")[0]].imports[twin] = type(made)(
        type(made.document)(
            twin,
            document.display_name,
            document.state,
            document.size,
            document.created_at,
            document.metadata,
        ),
        made.operation,
        made.source,
        made.settles_at,
        made.fate,
    )

    assert play_out(world, batch).status == "completed"

    assert [d.name for d in world.store_documents()] == [twin]
    assert in_step(world)


def test_a_document_of_another_owner_is_neither_adopted_nor_deleted() -> None:
    world = world_with()
    batch = begun(world)
    uncertain(world, took_effect=True)
    for made in list(world.gemini._operations.values()):
        made.document.metadata["owner"] = "somebody else"  # type: ignore[index]  # a dict here

    assert play_out(world, batch).status == "completed"

    owners = sorted(str(d.metadata["owner"]) for d in world.store_documents())
    assert owners == sorted([world.rules.settings.owner, "somebody else"])
    assert world.gemini.imports == 2


def test_a_failed_document_of_a_lost_import_is_not_left_behind() -> None:
    world = world_with()
    world.gemini.fates.append(ImportFate(document_fails=True))
    batch = begun(world)
    uncertain(world, took_effect=True)

    assert play_out(world, batch).status == "completed"

    assert world.gemini.imports == 2
    assert in_step(world)


def test_a_failed_document_of_a_lost_import_that_recovers_is_kept() -> None:
    world = world_with()
    world.gemini.fates.append(ImportFate(document_fails=True, recovers_after=HOUR + 3 * MINUTE))
    batch = begun(world)
    uncertain(world, took_effect=True)

    assert play_out(world, batch).status == "completed"

    world.clock.advance(3 * HOUR)
    active = [d for d in world.store_documents() if d.state is RemoteState.ACTIVE]
    assert [d.name for d in active] == [world.file(PATH).current_document]


def test_a_429_on_the_store_listing_slows_unmetered_calls() -> None:
    """In the earlier system the listing of the store bypassed the breaker."""
    world = world_with()
    batch = begun(world)
    uncertain(world, took_effect=True)
    world.gemini.fail_next("list_documents", throttled())

    assert play_out(world, batch).status == "completed"
    assert world.records.get(Polls, POLLS).present.held_until is not None
    assert breaker_now(world).hold_until is None
    assert in_step(world)


def test_an_import_whose_reply_is_lost_every_time_is_given_up_in_the_end() -> None:
    world = world_with()
    for _ in range(20):
        world.gemini.fail_next("import_file", lost())
    batch = begun(world)

    closed = play_out(world, batch)

    file = world.file(PATH)
    assert closed.status == "completed_with_failures"
    assert (file.status, file.failed_kind) == (FileStatus.FAILED, FailureKind.EXHAUSTED)
    assert 5 <= world.gemini.calls["import_file"] <= 6
    assert world.store_documents() == []


def test_an_uncertain_import_of_a_cancelled_batch_is_settled_by_the_next_one() -> None:
    world = world_with()
    batch = begun(world)
    uncertain(world, took_effect=True)
    cancelled(world, batch)

    summary = world.sync()

    assert summary["status"] == "completed"
    assert (world.gemini.imports, summary["indexed"]) == (1, 1)
    assert in_step(world)
    assert batch_now(world, batch).status == "cancelled"


@pytest.mark.parametrize("change", ["content", "metadata", "removed"])
def test_content_changed_during_an_uncertain_import_is_imported_right_after(change: str) -> None:
    world = world_with()
    batch = begun(world)
    uncertain(world, took_effect=True)
    cancelled(world, batch)
    if change == "content":
        world.put({PATH: "newer"})
    elif change == "metadata":
        world.bucket.touch_metadata(PATH, {"title": "New"})
    else:
        world.bucket.delete(PATH)

    summary = world.sync()

    assert summary["status"] == "completed"
    assert in_step(world)
    assert world.gemini.imports == (1 if change == "removed" else 2)


def test_no_guard_task_is_left_for_a_settled_file() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.UPLOADED, "uploads")
    world.gemini.fail_next("import_file", lost(), after_effect=True)
    world.deliver(task)
    play_out(world, batch)
    imports = world.gemini.imports

    play_for(world, 3 * HOUR)

    assert world.gemini.imports == imports
    assert [t for t in world.queues.waiting if t.payload.get("path")] == []
