"""Objects that are listed but can't be read: skipped, kept, found again, and in nobody's way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.errors import Unavailable
from shared.domain.file.record import FileRecord, FileStatus
from shared.domain.throttle.tiers import tier_named
from shared.gateways.database.records import file_path
from shared.services.source.unreadable import MOST_PROBES, UnreadableFiles
from shared.services.throttle.pump import READS_AT_ONCE
from tests.services.story import (
    begun,
    changes,
    in_step,
    plant,
    play_out,
    play_to,
    store_of,
    synced,
    world_with,
)
from tests.world import World, rules

MANY = 3 * READS_AT_ONCE

NAMES = pytest.mark.parametrize("name", ["README", "locked.md"])
"""Without a known extension, the scan reads the object; otherwise its upload does."""


def refuse(world: World, *names: str, code: int = 403) -> None:
    world.bucket.refused.update(dict.fromkeys(names, code))


def skips(world: World) -> dict[str, str | None]:
    skipped = [file for file in world.files() if file.status is FileStatus.SKIPPED]
    return {file.path: file.skip_reason for file in skipped}


# --- found by the scan, and by the upload -----------------------------------------------------


@pytest.mark.parametrize("code", [400, 401, 403])
@NAMES
def test_an_object_that_cant_be_read_is_skipped_and_everything_else_goes_on(
    name: str, code: int
) -> None:
    world = world_with(name, "a.md", "b.md")
    refuse(world, name, code=code)

    summary = world.sync()

    assert (summary["status"], summary["failed"], summary["indexed"]) == ("completed", 0, 2)
    assert summary["skips"] == [{"path": name, "reason": "unreadable"}]
    assert summary["unreadable"] == 1
    assert world.stored_paths() == ["a.md", "b.md"]
    assert summary["requests"]["metered"] == 4, "nothing was sent of it"
    assert world.gemini.calls["upload"] == 2


@pytest.mark.parametrize("mode", ["incremental", "full"])
@NAMES
def test_an_unreadable_file_is_found_by_its_state_and_costs_one_read_a_sync(
    name: str, mode: str
) -> None:
    world = world_with(name, "a.md")
    refuse(world, name)
    world.sync()
    world.sync()
    read, opened = world.bucket.heads_read, world.bucket.calls["open"]

    summary = world.sync(mode=mode)

    assert changes(summary) == {"scanned": 2, "unchanged": 1, "skipped": 1}
    assert (world.bucket.heads_read - read, world.bucket.calls["open"] - opened) == (1, 0)
    assert summary["requests"]["metered"] == 0


def test_a_sidecar_that_cant_be_read_is_found_before_its_file_is_uploaded() -> None:
    world = world_with("a.md", "b.md")
    world.put({"a.md.meta.json": '{"title": "A"}'})
    refuse(world, "a.md.meta.json")

    summary = world.sync()

    assert skips(world) == {"a.md": "unreadable"}
    assert (summary["status"], world.gemini.calls["upload"]) == ("completed", 1)
    world.sync()
    assert skips(world) == {"a.md": "unreadable"}
    world.bucket.refused.clear()
    world.sync()
    assert world.stored_paths() == ["a.md", "b.md"]


def test_a_sidecar_that_is_refused_after_the_upload_costs_no_retries() -> None:
    world = world_with("a.md")
    world.put({"a.md.meta.json": '{"title": "A"}'})
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED, "a.md")
    refuse(world, "a.md.meta.json")

    assert play_out(world, batch).status == "completed"
    assert skips(world) == {"a.md": "unreadable"}


def test_a_bucket_that_fails_as_a_whole_skips_nothing() -> None:
    world = world_with("a.md")
    world.bucket.fail_next("open", Unavailable("bucket.read", code=503))

    assert world.sync()["indexed"] == 1


# --- what the store holds ---------------------------------------------------------------------


@NAMES
@pytest.mark.parametrize("change", ["content", "metadata", "nothing"])
def test_no_document_of_an_unreadable_file_is_removed(name: str, change: str) -> None:
    world = synced(name, "a.md")
    refuse(world, name)
    if change == "content":
        world.put({name: "newer"})
    elif change == "metadata":
        world.bucket.touch_metadata(name, {"title": "Newer"})

    for mode in ("full", "incremental", "full", "reconcile"):
        summary = world.sync(mode=mode)
        assert (summary["status"], summary["deleted"]) == ("completed", 0), summary["message"]
        assert (summary["drift"], summary["removed"]) == (0, 0)
        assert world.stored_paths() == sorted([name, "a.md"])
    assert world.gemini.imports == 2

    world.bucket.refused.clear()
    again = world.sync()

    assert again["indexed"] == (change != "nothing")
    assert world.file(name).status is FileStatus.INDEXED
    assert in_step(world)


def test_content_that_is_back_and_readable_is_indexed_again_without_an_import() -> None:
    world = synced("README", "a.md")
    world.bucket.touch_metadata("README", {"title": "Newer"})
    refuse(world, "README")
    world.sync()
    assert skips(world) == {"README": "unreadable"}
    world.put({"README": "content of README"})
    world.bucket.refused.clear()

    world.sync()

    assert world.gemini.imports == 2
    assert in_step(world)


def test_an_unreadable_file_without_a_document_is_imported_once_it_can_be_read() -> None:
    world = world_with("README", "a.md", "b.md")
    refuse(world, "README", "a.md")
    world.sync()
    world.bucket.refused.clear()

    assert world.sync()["indexed"] == 2
    assert in_step(world)


def test_new_content_that_can_be_read_is_seen_by_the_ordinary_scan() -> None:
    world = synced("a.md", "b.md")
    refuse(world, "a.md")
    world.put({"a.md": "newer"})
    world.sync()
    world.bucket.refused.clear()
    world.put({"a.md": "newest"})

    assert world.sync()["indexed"] == 1
    assert in_step(world)


def test_an_unreadable_object_that_is_deleted_loses_its_document() -> None:
    world = synced("a.md", "b.md")
    refuse(world, "a.md")
    world.put({"a.md": "newer"})
    world.sync()
    world.bucket.delete("a.md")

    assert world.sync()["deleted"] == 1
    assert in_step(world)


def test_records_that_are_lost_are_rebuilt_with_the_documents_of_unreadable_files() -> None:
    world = synced("README", "a.md")
    refuse(world, "README", "a.md")
    world.documents._collections.clear()

    assert (world.sync()["deleted"], world.gemini.imports) == (0, 2)
    assert in_step(world)


def test_a_second_document_of_an_unreadable_file_costs_it_neither() -> None:
    world = synced("README", "a.md")
    refuse(world, "README")
    world.bucket.touch_metadata("README", {"title": "Newer"})
    world.sync()
    kept = world.file("README").current_document
    plant(world, store_of(world), "README")

    assert world.sync(mode="reconcile")["deleted"] == 0

    assert kept in {document.name for document in world.store_documents()}
    assert world.file("README").current_document == kept
    world.bucket.refused.clear()
    world.sync()
    assert in_step(world)


def test_a_removal_candidate_that_is_back_but_unreadable_is_none_any_more() -> None:
    world = synced("README", "b.md")
    world.bucket.delete("README")
    assert world.sync(max_deletes=0)["status"] == "refused"
    world.put({"README": "newer"})
    refuse(world, "README")

    assert world.sync()["deleted"] == 0
    assert skips(world) == {"README": "unreadable"}
    assert len(world.store_documents()) == 2


def test_an_object_that_is_back_but_unreadable_before_its_removal_keeps_its_document() -> None:
    world = synced("README", "b.md")
    world.bucket.delete("README")
    batch = begun(world)
    play_to(world, FileStatus.DELETING, "README")
    world.put({"README": "newer"})
    refuse(world, "README")

    assert play_out(world, batch).counts["deleted"] == 0
    assert len(world.store_documents()) == 2


# --- many -------------------------------------------------------------------------------------


def test_many_unreadable_files_take_few_slots_and_hold_nobody_up() -> None:
    names = [f"{n:04d}.md" for n in range(MANY)]
    world = world_with(*names, "z.md", given=rules(tier=tier_named("tier1")))
    refuse(world, *names)

    summary = world.sync()

    assert (summary["status"], summary["indexed"], summary["unreadable"]) == ("completed", 1, MANY)
    assert world.stored_paths() == ["z.md"]
    slots = [queue for _, queue, _ in world.deliveries if queue == "uploads"]
    assert len(slots) < 100, "only the slots planned before any file was known"


def test_at_most_a_hundred_reads_a_sync_and_one_success_tries_all_again() -> None:
    names = [f"{n:04d}.md" for n in range(MANY)]
    world = world_with(*names)
    refuse(world, *names)
    world.sync()
    world.sync()
    read = world.bucket.heads_read
    world.sync()
    assert world.bucket.heads_read - read == MOST_PROBES

    world.bucket.refused.clear()
    refuse(world, names[0])

    assert world.sync()["indexed"] == MANY - 1
    assert skips(world) == {names[0]: "unreadable"}


def test_no_unreadable_file_is_left_out_of_the_probes_for_ever() -> None:
    names = [f"{n:04d}.md" for n in range(MOST_PROBES + 20)]
    world = world_with(*names)
    refuse(world, *names)
    world.sync()
    del world.bucket.refused[names[50]]

    for _ in range(12):
        if world.sync()["indexed"]:
            break

    assert world.stored_paths() == [names[50]]


def test_without_unreadable_files_nothing_is_read_twice() -> None:
    world = world_with("a.md", "b.md", "README")
    world.sync()
    assert (world.bucket.heads_read, world.bucket.calls["open"]) == (1, 3)


def test_an_account_that_may_read_nothing_blames_and_deletes_nothing() -> None:
    world = synced("a.md", "b.md", "README")
    for name in ("a.md", "b.md", "README"):
        world.put({name: f"newer {name}"})
        refuse(world, name)

    summary = world.sync()

    assert (summary["status"], summary["unreadable"]) == ("completed", 3)
    assert (summary["failed"], summary["deleted"]) == (0, 0)
    assert len(world.store_documents()) == 3


@pytest.mark.parametrize("wanted", [None, "as indexed"])
def test_what_no_upload_reads_is_not_skipped_for_a_refused_read(wanted: str | None) -> None:
    world = synced("a.md")
    refuse(world, "a.md")
    record = world.file("a.md")
    assert record.desired is not None
    desired = record.desired if wanted else replace(record.desired, key=None, skip_reason="empty")
    interrupted = replace(record, status=FileStatus.UPLOADING, desired=desired)
    stored = world.records.write(world.records.get(FileRecord, file_path("a.md")), interrupted)

    assert UnreadableFiles(world.context).skip_refused([stored]) == set()
