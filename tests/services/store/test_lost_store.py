"""The store is gone, or the key is another project's: nothing is lost, and a person goes on."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.batch.batch import SyncMode
from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import Unavailable
from shared.domain.file.ledger import ImportState
from shared.domain.file.record import FileStatus
from shared.gateways.database.records import DEPLOYMENT
from shared.gateways.ports import Query
from shared.services.context import LOOKS_PATH
from shared.services.store.cut_over import CutOver
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Crash,
    begun,
    cancelled,
    in_step,
    invalid,
    later,
    lost,
    operations,
    play_for,
    play_out,
    play_to,
    synced,
    unavailable,
    wanted,
)
from tests.world import World, changed_rules

PATHS = ("a.md", "b.md", "c.md")
BUSY = "busy.md"
"""The file that is brought into a status."""

UNDER_WAY = [
    FileStatus.UPLOADING,
    FileStatus.UPLOADED,
    FileStatus.IMPORTING,
    FileStatus.UNCERTAIN,
    FileStatus.DELETING,
    FileStatus.REMOVAL_CANDIDATE,
]
ALL = [FileStatus.PENDING, *UNDER_WAY, FileStatus.INDEXED, FileStatus.FAILED]


def library(*, given: Any = None) -> World:
    world = synced(*PATHS, BUSY, given=given)
    world.clock.advance(SECOND)
    return world


def brought_to(world: World, status: FileStatus) -> None:
    """Bring the busy file into a status, and end the batch."""
    is_candidate = status is FileStatus.REMOVAL_CANDIDATE
    if is_candidate or status is FileStatus.DELETING:
        world.bucket.delete(BUSY)
    elif status is not FileStatus.INDEXED:
        world.put({BUSY: "new content"})
    hindered(world, status)
    batch = begun(world, **({"max_deletes": 0} if is_candidate else {}))
    play_to(world, status, BUSY)
    if status not in (FileStatus.INDEXED, FileStatus.FAILED) and not is_candidate:
        cancelled(world, batch)
    else:
        play_out(world, batch)
    world.gemini.file_latency = world.gemini.import_latency = timedelta(0)
    later(world, SECOND)


def hindered(world: World, status: FileStatus) -> None:
    """Make the service answer such that the file comes into the status."""
    gemini = world.gemini
    match status:
        case FileStatus.UPLOADING:
            gemini.fail_next("upload", Crash(), after_effect=True)
        case FileStatus.UPLOADED:
            gemini.file_latency = 30 * SECOND
        case FileStatus.IMPORTING:
            gemini.import_latency = 30 * SECOND
        case FileStatus.UNCERTAIN:
            gemini.fail_next("import_file", lost(), after_effect=True)
        case FileStatus.DELETING:
            gemini.fail_next("delete_document", unavailable())
        case FileStatus.FAILED:
            gemini.fail_next("import_file", invalid())
        case _:
            pass


def target(world: World) -> str:
    return world.records.get(Deployment, DEPLOYMENT).present.target


def deleted(world: World) -> None:
    """Somebody deletes the store."""
    world.gemini.delete_store(target(world))


class AnotherKey:
    """A key of another project, with which nothing of the first one can be seen."""

    def __init__(self, world: World) -> None:
        self._gemini = world.gemini
        self._other: list[Any] = [{}, {}, {}]
        self.swap()

    def swap(self) -> None:
        """Use the other project's key from now on."""
        gemini = self._gemini
        mine = [gemini._stores, gemini._files, gemini._operations]
        gemini._stores, gemini._files, gemini._operations = self._other
        self._other = mine


def refused(world: World, **request: Any) -> str:
    """The message of a sync that is refused; it imports nothing."""
    imports = world.gemini.imports
    later(world, SECOND)
    summary = world.sync(**request)
    later(world, SECOND)
    assert (summary["status"], world.gemini.imports) == ("refused", imports)
    return str(summary["message"])


def asked_for(message: str) -> dict[str, Any]:
    """The request that the message names, in both of its forms."""
    found = re.search(r"POST /sync with (\{.*?\})", message)
    assert found, message
    body: dict[str, Any] = json.loads(found[1])
    most = body["max_imports"]
    assert f"fss sync --mode full --new-store --max-imports {most}" in message
    return {**body, "mode": SyncMode(body["mode"])}


def replaced(world: World) -> dict[str, Any]:
    """What a person does: one command, as the message of a sync names it."""
    summary = world.sync(**asked_for(refused(world)))
    later(world, SECOND)
    return summary


def is_whole(world: World) -> bool:
    """Whether the store holds each object once, and nothing waits."""
    (store,) = world.gemini.list_stores().stores
    held = Counter(str(each.metadata["path"]) for each in world.store_documents())
    waits = [each for each in world.files() if each.status in (FileStatus.PENDING, *UNDER_WAY)]
    return (
        store.name == target(world)
        and held == Counter(list(wanted(world)))
        and not waits
        and in_step(world)
    )


# --- gone -------------------------------------------------------------------------------------


@pytest.mark.parametrize("vanish", [deleted, AnotherKey], ids=["deleted", "another key"])
@pytest.mark.parametrize("status", ALL)
def test_one_command_fills_another_store_whatever_was_under_way(
    status: FileStatus, vanish: Any
) -> None:
    world = library()
    brought_to(world, status)
    vanish(world)
    imports = world.gemini.imports

    summary = replaced(world)

    assert (summary["status"], summary["drift"]) == ("completed", 0)
    assert world.gemini.imports - imports == len(wanted(world)), "each file once"
    assert is_whole(world)
    assert all(each.state is not ImportState.SENT for each in operations(world))
    later(world, SECOND)
    assert world.sync()["unchanged"] == len(wanted(world))
    assert world.gemini.imports - imports == len(wanted(world))


@pytest.mark.parametrize("status", [FileStatus.IMPORTING, FileStatus.UNCERTAIN])
def test_the_ledger_tells_what_became_of_the_imports_under_way(status: FileStatus) -> None:
    world = library()
    brought_to(world, status)
    gone = target(world)
    (open_entry,) = [each for each in operations(world) if each.state is ImportState.SENT]
    deleted(world)

    replaced(world)

    (entry,) = [e for e in operations(world) if e.operation_id == open_entry.operation_id]
    assert (entry.state, entry.refused) == (ImportState.FAILED, False)
    assert gone in str(entry.error)
    assert entry.cost == open_entry.cost, "it may have been paid for"
    mine = [each for each in operations(world) if each.path == BUSY]
    assert [each.state for each in mine].count(ImportState.SUCCEEDED) == 2


@pytest.mark.parametrize("status", UNDER_WAY)
def test_a_store_that_comes_back_goes_on_as_if_nothing_had_happened(status: FileStatus) -> None:
    world = library()
    brought_to(world, status)
    sent = [each for each in operations(world) if each.path == BUSY]
    key = AnotherKey(world)
    for _ in range(3):
        assert "gone" in refused(world)
        play_for(world, HOUR)
    key.swap()

    summary = world.sync()

    assert summary["status"] == "completed"
    assert is_whole(world)
    more = 1 if status in (FileStatus.UPLOADING, FileStatus.UPLOADED) else 0
    assert len([each for each in operations(world) if each.path == BUSY]) == len(sent) + more


@pytest.mark.parametrize("status", UNDER_WAY)
def test_a_store_that_is_gone_is_not_asked_for_ever(status: FileStatus) -> None:
    world = library()
    brought_to(world, status)
    deleted(world)
    calls = world.gemini.calls.total()

    play_for(world, DAY)

    assert world.gemini.calls.total() - calls < 20


def test_a_key_that_was_mended_is_used_at_once() -> None:
    """Otherwise the hold for the account would end the next sync too."""
    world = library()
    world.put({BUSY: "new content"})
    world.gemini.import_latency = 30 * SECOND
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING, BUSY)
    key = AnotherKey(world)
    closed = play_out(world, batch)
    assert closed.status == "failed"
    assert "store is gone" in closed.message
    key.swap()
    later(world, SECOND)

    assert world.sync()["status"] == "completed"

    assert world.gemini.imports == len(PATHS) + 2
    assert is_whole(world)


def test_a_store_that_vanishes_in_mid_run_is_replaced_right_after() -> None:
    world = library()
    world.put({BUSY: "new content", "new.md": "new"})
    world.gemini.import_latency = 30 * SECOND
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING, BUSY)
    deleted(world)
    assert play_out(world, batch).status == "failed"

    assert replaced(world)["status"] == "completed"

    assert is_whole(world)
    assert not any(each.tries.attempts for each in world.files()), "no file is blamed"


# --- asked for --------------------------------------------------------------------------------


def test_the_message_names_both_causes_the_command_and_its_cost() -> None:
    world = library()
    gone = target(world)
    deleted(world)

    message = refused(world)

    assert f"the store {gone} is gone, or GEMINI_API_KEY is a key of another project" in message
    assert "restore it: the next sync goes on" in message
    assert asked_for(message)["max_imports"] == 4
    assert re.search(r"up to 4 files again: about \d+ tokens, an estimated [\d.e-]+ USD", message)
    for mode in SyncMode:
        assert refused(world, mode=mode) == message
    assert refused(world, dry_run=True) == message


def test_without_a_figure_the_command_is_refused_with_the_cost() -> None:
    world = library()
    deleted(world)

    message = refused(world, mode=SyncMode.FULL, new_store=True)

    assert asked_for(message)["max_imports"] == 4
    assert world.gemini.list_stores().stores == ()


@pytest.mark.parametrize("bound", [{"max_imports": 3}, {"max_estimated_cost": 1e-9}])
def test_a_figure_that_is_too_low_changes_nothing(bound: dict[str, Any]) -> None:
    world = library()
    known = world.records.get(Deployment, DEPLOYMENT).record
    deleted(world)

    assert "4 files" in refused(world, mode=SyncMode.FULL, new_store=True, **bound)

    assert world.records.get(Deployment, DEPLOYMENT).record == known
    assert world.gemini.list_stores().stores == ()


@pytest.mark.parametrize("status", [*UNDER_WAY, FileStatus.INDEXED])
def test_a_dry_run_of_the_command_tells_what_it_comes_to(status: FileStatus) -> None:
    world = library()
    brought_to(world, status)
    deleted(world)
    before = [(each.path, each.desired, each.current) for each in world.files()]

    told = world.sync(mode=SyncMode.FULL, new_store=True, dry_run=True)

    assert told["estimate"]["files"] == len(wanted(world))
    assert [(each.path, each.desired, each.current) for each in world.files()] == before
    assert world.gemini.list_stores().stores == ()
    assert replaced(world)["status"] == "completed"


def test_another_name_for_the_new_store_is_as_good() -> None:
    world = library()
    brought_to(world, FileStatus.IMPORTING)
    deleted(world)
    changed = changed_rules(world.context.rules, store_display_name="second store")
    world.use(replace(world.context, rules=changed))
    assert "new_store" in refused(world)

    summary = world.sync(mode=SyncMode.FULL, new_store=True, max_imports=4)

    assert summary["status"] == "completed"
    assert is_whole(world)


# --- interrupted ------------------------------------------------------------------------------


def test_a_replacement_that_was_interrupted_goes_on_with_any_later_sync() -> None:
    world = library()
    brought_to(world, FileStatus.IMPORTING)
    deleted(world)
    request = asked_for(refused(world))
    imports = world.gemini.imports
    batch = begun(world, **request)
    commit = world.documents.commit

    def broken(writes: Any) -> Any:
        if any(write.path.startswith("files/") for write in writes):
            raise Unavailable("firestore.commit")
        return commit(writes)

    world.documents.commit = broken  # type: ignore[method-assign]  # this world only
    play_for(world, 2 * MINUTE)
    assert world.file(BUSY).status is FileStatus.IMPORTING
    world.documents.commit = commit  # type: ignore[method-assign]  # as above
    cancelled(world, batch)

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.imports - imports == 4
    assert len(world.gemini.list_stores().stores) == 1
    assert is_whole(world)


def test_a_creation_whose_reply_was_lost_makes_no_second_store() -> None:
    world = library()
    deleted(world)
    request = asked_for(refused(world))
    world.gemini.fail_next("create_store", unavailable(), after_effect=True)

    assert play_out(world, begun(world, **request)).status == "completed"

    assert is_whole(world)


def test_more_files_than_one_call_can_start_anew_take_several() -> None:
    names = [f"{number:04d}.md" for number in range(1200)]
    world = synced("a.md", *names)
    for name in names:
        world.bucket.delete(name)
    later(world, SECOND)
    assert world.sync()["status"] == "refused"
    deleted(world)
    request = asked_for(refused(world))
    query = world.documents.query

    def slow(asked: Query) -> Any:
        found = query(asked)
        if len(found) == 500:
            world.clock.advance(world.rules.work_budget)
        return found

    world.documents.query = slow  # type: ignore[method-assign,assignment]  # this world only
    summary = world.sync(**request)

    assert (summary["status"], summary["indexed"]) == ("completed", 1)
    assert is_whole(world)


def test_a_reply_that_comes_after_the_replacement_changes_nothing() -> None:
    """The poller is still looking in the old store when its file starts anew."""
    world = library()
    world.put({BUSY: "new content"})
    world.gemini.import_latency = 30 * SECOND
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING, BUSY)
    task = next(each for each in world.queues.waiting if each.path == LOOKS_PATH)
    cancelled(world, batch)
    summaries: list[dict[str, Any]] = []

    def meanwhile(call: str) -> None:
        if call == "get_operation:exit":
            world.gemini.on_call = lambda _: None
            deleted(world)
            world.gemini.import_latency = timedelta(0)
            summaries.append(replaced(world))

    world.clock.advance(MINUTE)
    world.gemini.on_call = meanwhile
    world.look(task.payload)

    assert [each["status"] for each in summaries] == ["completed"]
    assert is_whole(world)


# --- during a move ----------------------------------------------------------------------------


def moving(world: World) -> tuple[str, str]:
    """Begin a move, and cancel it half-way; returns the old and the new store."""
    old = target(world)
    changed = changed_rules(world.context.rules, store_display_name="second store")
    world.use(replace(world.context, rules=changed))
    batch = begun(world, mode=SyncMode.FULL, new_store=True)
    world.gemini.import_latency = 30 * SECOND
    play_to(world, FileStatus.IMPORTING, BUSY)
    cancelled(world, batch)
    world.gemini.import_latency = timedelta(0)
    return old, target(world)


def test_a_store_that_vanishes_while_it_is_filled_is_replaced_and_the_move_ends() -> None:
    world = library()
    old, new = moving(world)
    world.gemini.delete_store(new)

    summary = replaced(world)

    known = world.records.get(Deployment, DEPLOYMENT).present
    assert summary["status"] == "completed"
    assert (known.previous_store, known.next_store) == (old, "")
    assert known.store not in (old, new)
    assert CutOver(world.context).drop_previous() == old
    assert is_whole(world)


def test_the_old_store_serves_whole_while_the_new_one_is_replaced() -> None:
    world = library()
    old, new = moving(world)
    world.gemini.delete_store(new)
    batch = begun(world, **asked_for(refused(world)))

    while world.report.store()["store"] == old:
        held = [each.name for each in world.store_documents() if each.name.startswith(f"{old}/")]
        assert len(held) == 4
        world.step()

    assert play_out(world, batch).status == "completed"


def test_the_old_store_may_vanish_while_the_new_one_is_filled() -> None:
    world = library()
    old, new = moving(world)
    world.gemini.delete_store(old)

    assert world.sync()["status"] == "completed"

    assert world.report.store() | {"store": new, "next_store": ""} == world.report.store()
    assert is_whole(world)


# --- the first store again --------------------------------------------------------------------


def test_the_first_store_is_taken_back_without_an_import() -> None:
    """The command was given although only the key was wrong."""
    world = library()
    first = target(world)
    key = AnotherKey(world)
    replaced(world)
    key.swap()
    imports = world.gemini.imports

    summary = replaced(world)

    assert (summary["status"], target(world)) == ("completed", first)
    assert world.gemini.imports == imports
    assert is_whole(world)
