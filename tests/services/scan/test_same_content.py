"""The same bytes, written again by a way that gives the object other kinds of hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest

from shared.domain.batch.batch import SyncMode
from shared.domain.file.record import FileRecord, FileStatus
from shared.domain.source.content_hash import NO_HASHES
from shared.gateways.database.records import Stored, file_path
from shared.gateways.ports import Delete
from tests.services.story import (
    PATH,
    begun,
    changes,
    invalid,
    play_out,
    play_to,
    synced,
    world_with,
)
from tests.world import World

WHOLE = ("md5", "crc32c")
COMPOSITE = ("crc32c",)
UNTOLD = ()

CONTENT = b"content of a.md"
WAYS = list(permutations([WHOLE, COMPOSITE], 2))


def with_object(kinds: Sequence[str], content: bytes = CONTENT) -> World:
    world = world_with()
    world.bucket.put(PATH, content, kinds=kinds)
    world.sync()
    return world


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.FULL])
@pytest.mark.parametrize(("before", "after"), WAYS)
def test_the_same_bytes_with_other_kinds_of_hash_are_unchanged(
    before: Sequence[str], after: Sequence[str], mode: SyncMode
) -> None:
    world = with_object(before)
    key = world.file(PATH).current_key
    for kinds in (after, before, after):
        world.bucket.put(PATH, CONTENT, kinds=kinds)
        assert changes(world.sync(mode=mode)) == {"scanned": 1, "unchanged": 1}
    assert (world.gemini.imports, world.file(PATH).current_key) == (1, key)
    assert changes(world.sync(mode=mode)) == {"scanned": 1, "unchanged": 1}


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_other_bytes_of_the_same_size_are_changed_whatever_kinds_of_hash_they_have(
    before: Sequence[str], after: Sequence[str]
) -> None:
    world = with_object(before)
    info = world.bucket.put(PATH, CONTENT.upper(), kinds=after)
    assert changes(world.sync()) == {"scanned": 1, "changed": 1, "indexed": 1}
    current = world.file(PATH).current
    assert current is not None
    assert (current.content_hash, current.hashes) == (info.content_hash, info.hashes)


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_new_metadata_of_the_same_bytes_is_a_change_of_metadata(
    before: Sequence[str], after: Sequence[str]
) -> None:
    world = with_object(before)
    world.bucket.put(PATH, CONTENT, kinds=after, metadata={"author": "Ada"})
    assert changes(world.sync()) == {"scanned": 1, "metadata_changed": 1, "indexed": 1}
    assert changes(world.sync(mode=SyncMode.FULL)) == {"scanned": 1, "unchanged": 1}
    assert world.gemini.imports == 2


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_a_file_that_failed_for_good_is_not_tried_again_for_the_same_bytes(
    before: Sequence[str], after: Sequence[str]
) -> None:
    world = world_with()
    world.bucket.put(PATH, CONTENT, kinds=before)
    world.gemini.fail_next("import_file", invalid())
    assert world.sync()["failed"] == 1
    world.bucket.put(PATH, CONTENT, kinds=after)
    world.sync()
    assert (world.gemini.calls["upload"], world.file(PATH).status) == (1, FileStatus.FAILED)


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_bytes_that_come_back_in_another_way_keep_the_document(
    before: Sequence[str], after: Sequence[str]
) -> None:
    world = with_object(before)
    world.bucket.delete(PATH)
    world.put({f"{number}.md": b"x" for number in range(3)})
    summary = world.sync(max_deletes=0)
    assert summary["deleted"] == 0
    assert world.file(PATH).status is FileStatus.REMOVAL_CANDIDATE
    world.bucket.put(PATH, CONTENT, kinds=after)
    world.sync()
    assert (world.gemini.imports, world.file(PATH).status) == (4, FileStatus.INDEXED)


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_the_same_bytes_written_again_during_the_journey_are_uploaded_once(
    before: Sequence[str], after: Sequence[str]
) -> None:
    world = world_with()
    world.bucket.put(PATH, CONTENT, kinds=before)
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    world.bucket.put(PATH, CONTENT, kinds=after)
    assert play_out(world, batch).status == "completed"
    assert (world.gemini.calls["upload"], world.gemini.imports) == (1, 1)
    assert changes(world.sync()) == {"scanned": 1, "unchanged": 1}


@pytest.mark.parametrize(("before", "after"), WAYS)
def test_a_dry_run_promises_nothing_for_the_same_bytes(
    before: Sequence[str], after: Sequence[str]
) -> None:
    world = with_object(before)
    world.bucket.put(PATH, CONTENT, kinds=after)
    assert changes(world.sync(dry_run=True)) == {"scanned": 1, "unchanged": 1}


def test_an_older_record_of_a_composite_object_knows_it_when_it_is_uploaded_whole() -> None:
    world = with_object(COMPOSITE)
    world.records.change(FileRecord, file_path(PATH), _as_written_before)
    world.bucket.put(PATH, CONTENT)
    assert changes(world.sync()) == {"scanned": 1, "unchanged": 1}
    assert world.gemini.imports == 1


def _as_written_before(stored: Stored[FileRecord]) -> FileRecord:
    record = stored.present
    assert record.desired is not None
    assert record.current is not None
    return replace(
        record,
        desired=replace(record.desired, hashes=NO_HASHES),
        current=replace(record.current, hashes=NO_HASHES),
    )


def test_older_records_are_not_written_to_note_another_kind_of_hash() -> None:
    world = synced()
    world.records.change(FileRecord, file_path(PATH), _as_written_before)
    before = world.records.get(FileRecord, file_path(PATH))
    assert changes(world.sync(mode=SyncMode.FULL)) == {"scanned": 1, "unchanged": 1}
    assert world.records.get(FileRecord, file_path(PATH)).version == before.version


def test_one_version_is_the_same_content_whichever_hashes_the_bucket_tells() -> None:
    world = with_object(WHOLE)
    for hashes in (NO_HASHES, replace(NO_HASHES, crc32c="0badcafe")):
        info, content = world.bucket._objects[PATH]
        told = replace(info, hashes=hashes, content_hash=hashes.content_hash(info.generation))
        world.bucket._objects[PATH] = (told, content)
        assert changes(world.sync(mode=SyncMode.FULL)) == {"scanned": 1, "unchanged": 1}
    assert world.gemini.imports == 1


def test_without_any_hash_another_version_is_another_content() -> None:
    world = with_object(UNTOLD)
    assert changes(world.sync(mode=SyncMode.FULL)) == {"scanned": 1, "unchanged": 1}
    world.bucket.put(PATH, CONTENT.upper(), kinds=UNTOLD)
    assert changes(world.sync()) == {"scanned": 1, "changed": 1, "indexed": 1}


def test_after_a_rebuild_from_the_store_the_same_bytes_are_known_in_another_way() -> None:
    world = with_object(WHOLE)
    for record in world.files():
        world.records.documents.commit([Delete(file_path(record.path))])
    world.sync(mode=SyncMode.RECONCILE)
    assert world.gemini.imports == 1
    world.bucket.put(PATH, CONTENT, kinds=COMPOSITE)
    assert changes(world.sync()) == {"scanned": 1, "unchanged": 1}
    assert world.gemini.imports == 1
