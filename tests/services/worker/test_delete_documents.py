"""Documents of removed objects are deleted after a complete scan, a check and a guard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.batch.batch import Batch, DeletePolicy
from shared.domain.errors import GatewayError, NotFound, QuotaKind
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database.records import file_path
from tests.file_records import document_name
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    Crash,
    begun,
    cancelled,
    changes,
    denied,
    in_step,
    later,
    lost,
    plant,
    play,
    play_for,
    play_out,
    play_to,
    store_of,
    synced,
    task_of,
    throttled,
    unavailable,
)
from tests.twins.imports import ImportFate
from tests.world import World, rules


def removing(world: World, path: str = PATH) -> None:
    """Play until the file's removal has a task."""
    play_to(world, FileStatus.DELETING, path)
    play(world, lambda: any(t.payload.get("path") == path for t in world.queues.waiting))


def with_removal_broken_off(path: str = PATH) -> tuple[World, Batch, str]:
    """A removal interrupted before it deleted its one document; returns the document's name."""
    world = synced(path)
    return (world, *removal_broken_off(world, path))


def removal_broken_off(world: World, path: str = PATH) -> tuple[Batch, str]:
    document = document_name(world.file(path))
    world.bucket.delete(path)
    batch = begun(world)
    removing(world, path)
    world.gemini.fail_next("delete_document", unavailable())
    play(world, lambda: world.file(path).stale_documents == (document,))
    return batch, document


def test_a_removed_objects_document_is_deleted() -> None:
    world = synced("a.md", "b.md")
    world.bucket.delete(PATH)

    summary = world.sync()

    assert changes(summary) == {"scanned": 1, "removed": 1, "unchanged": 1, "deleted": 1}
    assert world.file(PATH).status is FileStatus.DELETED
    assert in_step(world)


def test_an_object_found_unchanged_before_its_removal_keeps_its_document() -> None:
    world = synced()
    document = world.file(PATH).current_document
    content = f"content of {PATH}"
    world.bucket.delete(PATH)
    batch = begun(world)
    removing(world)
    world.put({PATH: content})

    assert play_out(world, batch).status == "completed"

    assert world.file(PATH).current_document == document
    assert world.gemini.imports == 1
    assert in_step(world)


def test_an_object_back_after_an_interrupted_removal_keeps_the_document_left() -> None:
    """It counts only when the deletion, whose outcome is unknown, can't take effect any more."""
    world, batch, document = with_removal_broken_off()
    world.put({PATH: f"content of {PATH}"})
    play_for(world, world.rules.file.import_deadline - MINUTE)
    assert world.file(PATH).current_document is None

    assert play_out(world, batch).status == "completed"

    assert world.file(PATH).current_document == document
    assert world.gemini.imports == 1
    assert in_step(world)


@pytest.mark.parametrize("after", [2 * MINUTE, 58 * MINUTE], ids=["soon", "just before it counts"])
def test_a_deletion_that_takes_effect_after_the_object_is_back_loses_nothing(
    after: timedelta,
) -> None:
    world, batch, document = with_removal_broken_off()
    world.put({PATH: f"content of {PATH}"})
    play_for(world, after)
    world.gemini.delete_document(document)

    closed = play_out(world, batch)

    assert (closed.status, closed.drift) == ("completed", 0)
    assert world.file(PATH).status is FileStatus.INDEXED
    assert world.gemini.imports == 2
    assert in_step(world)


def test_a_removal_begun_again_while_it_waits_waits_anew_for_its_latest_deletion() -> None:
    world, batch, document = with_removal_broken_off()
    world.put({PATH: f"content of {PATH}"})
    play_for(world, 50 * MINUTE)
    world.bucket.delete(PATH)
    world.gemini.fail_next("delete_document", lost())
    play(world, lambda: world.gemini.calls["delete_document"] == 2)
    world.put({PATH: f"content of {PATH}"})
    play_for(world, 50 * MINUTE)
    assert world.file(PATH).current_document is None
    world.gemini.delete_document(document)

    assert play_out(world, batch).status == "completed"

    assert in_step(world)


def test_a_document_left_that_is_not_active_is_replaced_at_once() -> None:
    world, batch, document = with_removal_broken_off()
    store = world.gemini._stores[document.partition("/documents/")[0]]
    failed = replace(store.imports[document], fate=ImportFate(document_fails=True))
    store.imports[document] = failed
    world.put({PATH: f"content of {PATH}"})
    began = world.clock.now()

    assert play_out(world, batch).status == "completed"

    assert world.clock.now() - began < 10 * MINUTE
    assert world.gemini.imports == 2
    assert in_step(world)


def test_of_several_documents_left_by_an_interrupted_removal_none_is_kept() -> None:
    world = synced()
    more = plant(world, store_of(world), PATH)
    known = world.records.get(FileRecord, file_path(PATH))
    world.records.write(known, replace(known.present, stale_documents=(more,)))
    world.bucket.delete(PATH)
    batch = begun(world)
    removing(world)
    world.gemini.fail_next("delete_document", lost())
    play(world, lambda: world.file(PATH).current is None)
    world.put({PATH: f"content of {PATH}"})
    imports = world.gemini.imports

    assert play_out(world, batch).status == "completed"

    assert world.gemini.imports == imports + 1
    assert in_step(world)


def test_a_document_left_counts_for_the_same_bytes_of_which_other_hashes_are_told() -> None:
    """A composite object has no MD5; copied, it has one."""
    world = World(rules())
    content = f"content of {PATH}".encode()
    world.bucket.put(PATH, content, kinds=("crc32c",))
    world.sync()
    batch, document = removal_broken_off(world)
    world.bucket.put(PATH, content)

    assert play_out(world, batch).status == "completed"

    assert world.file(PATH).current_document == document
    assert world.gemini.imports == 1


def test_a_removal_that_has_begun_is_finished_though_its_batch_is_cancelled() -> None:
    """Only it knows whether the document that the object wants again is left."""
    world, batch, document = with_removal_broken_off()
    cancelled(world, batch)
    world.put({PATH: f"content of {PATH}"})

    play_for(world, 2 * HOUR)

    assert world.file(PATH).current_document == document
    assert world.sync()["unchanged"] == 1
    assert world.gemini.imports == 1
    assert in_step(world)


def test_an_unreadable_object_back_after_an_interrupted_removal_keeps_the_document_left() -> None:
    world, batch, document = with_removal_broken_off("README")
    world.put({"README": "other content"})
    world.bucket.refused["README"] = 403

    assert play_out(world, batch).status == "completed"

    file = world.file("README")
    assert (file.status, file.skip_reason) == (FileStatus.SKIPPED, "unreadable")
    assert file.current_document == document


def test_a_document_left_by_an_interrupted_removal_is_replaced_by_new_content() -> None:
    """If the object is back unchanged before that is sent, the document counts no more."""
    world, batch, document = with_removal_broken_off()
    world.put({PATH: "other content"})
    play(world, lambda: world.file(PATH).status is FileStatus.PENDING)
    cancelled(world, batch)
    world.put({PATH: f"content of {PATH}"})
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    world.gemini.delete_document(document)

    assert play_out(world, batch).status == "completed"

    assert world.gemini.imports == 2
    assert in_step(world)


def test_an_object_found_changed_before_its_removal_is_imported() -> None:
    world = synced()
    world.bucket.delete(PATH)
    batch = begun(world)
    removing(world)
    world.put({PATH: "other content"})

    assert play_out(world, batch).status == "completed"

    assert world.gemini.imports == 2
    assert in_step(world)


def test_nothing_is_deleted_while_the_object_cannot_be_read() -> None:
    world = synced()
    world.bucket.delete(PATH)
    batch = begun(world)
    removing(world)
    world.bucket.fail_next("stat", unavailable())

    world.clock.set(max(world.clock.now(), task_of(world).at or world.clock.now()))
    try:
        world.deliver(task_of(world))
    except GatewayError:
        world.queues.retry_later(task_of(world), world.clock.now() + 10 * SECOND)

    assert len(world.store_documents()) == 1
    assert play_out(world, batch).status == "completed"
    assert world.store_documents() == []


@pytest.mark.parametrize(
    "answer", [NotFound("delete_document", code=404), denied()], ids=["404", "403"]
)
def test_a_document_that_is_gone_already_counts_as_deleted(answer: GatewayError) -> None:
    world = synced()
    world.gemini.delete_document(document_name(world.file(PATH)))
    world.bucket.delete(PATH)
    world.gemini.fail_next("delete_document", answer)

    summary = world.sync()

    assert (summary["status"], summary["deleted"]) == ("completed", 1)


def test_a_403_that_passes_leaves_no_document_behind_after_a_removal() -> None:
    """A bad API key for a moment: Gemini answers 403 also if a document does not exist."""
    world = synced()
    world.bucket.delete(PATH)
    world.gemini.fail_next("delete_document", denied())

    summary = world.sync()

    assert summary["deleted"] == 1
    assert world.store_documents() == []


def test_a_403_does_not_count_as_missing_while_the_store_cannot_be_read() -> None:
    world = synced()
    world.bucket.delete(PATH)
    world.gemini.fail_next("delete_document", denied())
    asked = world.gemini.calls["delete_document"]

    def unanswered(call: str) -> None:
        if call == "delete_document:enter" and world.gemini.calls["delete_document"] == asked + 1:
            world.gemini.fail_next("get_store", unavailable())

    world.gemini.on_call = unanswered

    summary = world.sync()

    assert summary["deleted"] == 1
    assert world.store_documents() == []


@pytest.mark.parametrize("error", [throttled(), unavailable()], ids=["429", "503"])
def test_a_deletion_that_fails_is_tried_again(error: GatewayError) -> None:
    world = synced()
    world.bucket.delete(PATH)
    world.gemini.fail_next("delete_document", error)

    summary = world.sync()

    assert (summary["status"], summary["deleted"]) == ("completed", 1)
    assert world.store_documents() == []


def test_a_deletion_whose_process_died_is_finished_by_another_delivery() -> None:
    world = synced()
    world.bucket.delete(PATH)
    batch = begun(world)
    removing(world)
    world.gemini.fail_next("delete_document", Crash(), after_effect=True)

    closed = play_out(world, batch)

    assert (closed.status, closed.counts["deleted"]) == ("completed", 1)
    assert world.store_documents() == []


# --- the guard --------------------------------------------------------------------------------


def many(count: int, *, staying: int = 0) -> World:
    kept = (f"kept-{n:03d}.md" for n in range(staying))
    world = synced(*(f"{n:03d}.md" for n in range(count)), *kept)
    for n in range(count):
        world.bucket.delete(f"{n:03d}.md")
    world.put({"new.md": "new"})
    return world


def test_fifty_deletions_are_free_and_fifty_one_of_fewer_than_510_are_refused() -> None:
    assert many(50, staying=60).sync()["deleted"] == 50
    assert many(51, staying=60).sync()["deleted"] == 0


def test_too_many_removals_are_refused_with_the_figures_and_the_way_to_allow_them() -> None:
    world = many(51)

    summary = world.sync()

    assert summary["status"] == "refused"
    assert changes(summary) == {"scanned": 1, "new": 1, "removed": 51, "indexed": 1}
    assert "51 of 5" in summary["message"]
    assert "more than the 25 allowed" in summary["message"]
    assert "max_deletes=51" in summary["message"]
    assert len(world.store_documents()) == 52
    again = world.sync(max_deletes=51)
    assert (again["status"], again["deleted"]) == ("completed", 51)
    assert in_step(world)


def test_max_deletes_of_zero_refuses_any_removal() -> None:
    world = synced()
    world.bucket.delete(PATH)

    assert world.sync(max_deletes=0)["status"] == "refused"
    assert len(world.store_documents()) == 1


def test_objects_back_after_a_refused_removal_need_no_new_import() -> None:
    world = many(51)
    world.sync()
    for n in range(51):
        world.put({f"{n:03d}.md": f"content of {n:03d}.md"})
    imports = world.gemini.imports

    summary = world.sync()

    assert summary["status"] == "completed"
    assert changes(summary) == {"scanned": 52, "unchanged": 52}
    assert world.gemini.imports == imports
    assert in_step(world)


# --- add_only, and narrower syncs -------------------------------------------------------------


def test_add_only_removes_nothing() -> None:
    world = synced("a.md", "b.md")
    world.bucket.delete(PATH)

    summary = world.sync(delete_policy=DeletePolicy.ADD_ONLY)

    assert (summary["status"], summary["removed"], summary["deleted"]) == ("completed", 0, 0)
    assert len(world.store_documents()) == 2
    assert world.sync()["deleted"] == 1


def test_add_only_does_not_carry_out_a_removal_that_an_earlier_sync_was_refused() -> None:
    world = synced("a.md", "b.md")
    world.bucket.delete(PATH)
    assert world.sync(max_deletes=0)["status"] == "refused"

    summary = world.sync(delete_policy=DeletePolicy.ADD_ONLY)

    assert (summary["status"], summary["deleted"]) == ("completed", 0)
    assert len(world.store_documents()) == 2


def test_add_only_keeps_the_document_of_an_object_that_is_skipped_now() -> None:
    world = synced("a.md", "b.md")
    world.put({PATH: ""})

    world.sync(delete_policy=DeletePolicy.ADD_ONLY)

    assert len(world.store_documents()) == 2


def test_add_only_keeps_the_document_of_an_object_that_vanishes_before_its_upload() -> None:
    world = synced("a.md", "b.md")
    world.put({PATH: "changed"})
    batch = begun(world, delete_policy=DeletePolicy.ADD_ONLY)
    play_to(world, FileStatus.PENDING)
    world.bucket.delete(PATH)

    assert play_out(world, batch).status == "completed"
    assert len(world.store_documents()) == 2


def test_a_narrower_sync_does_not_carry_out_a_removal_outside_its_prefix() -> None:
    world = synced("a/1.md", "b/1.md", "b/2.md")
    world.bucket.delete("b/1.md")
    assert world.sync(max_deletes=0)["status"] == "refused"

    summary = world.sync(prefix="a/")

    assert (summary["status"], summary["deleted"]) == ("completed", 0)
    assert world.stored_paths() == ["a/1.md", "b/1.md", "b/2.md"]


def test_a_skipped_object_that_had_a_document_loses_it() -> None:
    world = synced("a.md", "b.md")
    world.put({PATH: ""})

    summary = world.sync()

    assert changes(summary)["skipped"] == 1
    file = world.file(PATH)
    assert (file.status, file.skip_reason) == (FileStatus.SKIPPED, "empty")
    assert world.stored_paths() == ["b.md"]


def test_full_storage_does_not_stop_the_removals_that_would_free_it() -> None:
    world = synced("a.md", "b.md", given=rules(page_size=1))
    world.bucket.delete("b.md")
    world.put({"a.md": "changed", "c.md": "new", "d.md": "new", "e.md": "new"})

    def full(call: str) -> None:
        if call == "upload:enter":
            raise throttled(quota=QuotaKind.STORAGE)

    world.gemini.on_call = full
    batch = begun(world)
    closed = play_out(world, batch)

    assert closed.status == "deferred"
    play(world, lambda: world.stored_paths() == ["a.md"], steps=200)
    world.gemini.on_call = lambda _: None
    later(world, DAY)
    assert world.sync()["status"] == "completed"
    assert in_step(world)


# --- batches that are not running ------------------------------------------------------------


def with_removals_queued() -> tuple[World, Batch]:
    world = synced(*(f"{n:02d}.md" for n in range(20)), PATH)
    for n in range(20):
        world.bucket.delete(f"{n:02d}.md")
    world.bucket.delete(PATH)
    batch = begun(world, max_deletes=21)
    removing(world)
    return world, batch


def test_removals_released_by_a_cancelled_batch_are_guarded_again() -> None:
    world, batch = with_removals_queued()
    left = len(world.store_documents())
    cancelled(world, batch)
    play_for(world, DAY)

    assert len(world.store_documents()) == left
    summary = world.sync(max_deletes=0)
    assert (summary["status"], summary["deleted"]) == ("refused", 0)
    assert world.sync(max_deletes=left)["deleted"] == left
    assert in_step(world)


def test_a_paused_batch_deletes_nothing_until_it_is_resumed() -> None:
    world, batch = with_removals_queued()
    world.control.pause(batch.batch_id)
    left = len(world.store_documents())
    play_for(world, HOUR)
    assert len(world.store_documents()) == left

    world.control.resume(batch.batch_id)

    assert play_out(world, batch).counts["deleted"] == 21
    assert in_step(world)


def test_a_removal_whose_task_was_lost_with_its_batch_is_guarded_again() -> None:
    world, batch = with_removals_queued()
    for task in world.queues.waiting:
        world.queues.acknowledge(task)
    cancelled(world, batch)
    later(world, DAY)

    summary = world.sync(max_deletes=0)

    assert (summary["status"], summary["deleted"]) == ("refused", 0)
    assert world.sync(max_deletes=21)["status"] == "completed"
    assert in_step(world)


@pytest.mark.parametrize("begins", [False, True], ids=["not begun", "broken off"])
def test_an_object_that_is_back_when_its_removal_is_halted_is_not_lost(begins: bool) -> None:
    world = synced(PATH, "b.md")
    world.bucket.delete(PATH)
    batch = begun(world)
    removing(world)
    task = task_of(world)
    if begins:
        world.gemini.on_call = dying_at("delete_document:exit")
        with pytest.raises(Crash):
            world.deliver(task)
        world.gemini.on_call = lambda _: None
    world.queues.retry_later(task, world.clock.now() + HOUR)
    cancelled(world, batch)
    world.put({PATH: "it is back"})

    closed = play_out(world, begun(world, delete_policy=DeletePolicy.ADD_ONLY))

    assert closed.status == "completed"
    assert world.file(PATH).status is FileStatus.INDEXED
    assert in_step(world)


def dying_at(moment: str) -> Callable[[str], None]:
    def die(call: str) -> None:
        if call == moment:
            raise Crash

    return die
