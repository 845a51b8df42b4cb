"""The scan compares the bucket with the records, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.batch.batch import BatchStatus, PageResult, SyncMode
from shared.domain.batch.request import SyncRequest
from shared.domain.errors import (
    BadRequest,
    Forbidden,
    GatewayError,
    LostLease,
    OutcomeUnknown,
    PayerMissing,
    Unavailable,
)
from shared.domain.file.record import FailureKind, FileStatus
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.cloud_storage.bucket import PAGE_SIZE as LISTED_AT_ONCE
from shared.gateways.ports import MAX_WRITES_PER_COMMIT, Query, Snapshot, Task, Write
from shared.services.scan.scan_bucket import MOST_FAULTS
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    Crash,
    batch_now,
    begun,
    cancelled,
    changes,
    contents,
    in_step,
    later,
    lost,
    play,
    play_out,
    play_to,
    synced,
    wanted,
    world_with,
)
from tests.world import World, rules

SMALL_PAGES = rules(page_size=3)


def pages(world: World, batch_id: str) -> list[PageResult]:
    query = Query(f"batches/{batch_id}/pages", order_by=("-index",))
    return [stored.present for stored in reversed(world.records.query(PageResult, query))]


def scan_task(world: World) -> Task:
    """Play until the scan has a task; returns it."""

    def found() -> list[Task]:
        return [task for task in world.queues.waiting if task.path == "/control/scan"]

    play(world, found)
    return found()[0]


def test_a_metadata_only_change_is_imported_again_and_counted_apart() -> None:
    """The earlier system never uploaded a metadata-only change again."""
    world = synced("a.md", "b.md")
    world.bucket.touch_metadata(PATH, {"title": "New"})

    summary = world.sync()

    expected = {"scanned": 2, "metadata_changed": 1, "unchanged": 1, "indexed": 1}
    assert changes(summary) == expected
    titles = {d.metadata["path"]: d.metadata.get("title") for d in world.store_documents()}
    assert titles == {"a.md": "New", "b.md": None}
    assert in_step(world)


def test_a_content_change_leaves_one_document_of_the_new_content() -> None:
    """The earlier system orphaned the old document."""
    world = synced("a.md", "b.md")
    world.put({PATH: "new"})

    summary = world.sync()

    expected = {"scanned": 2, "changed": 1, "unchanged": 1, "indexed": 1}
    assert changes(summary) == expected
    assert in_step(world)


def test_the_import_itself_removes_the_old_document_without_a_reconcile() -> None:
    """The earlier system forgot the old document's name, and left it in the store."""
    world = synced("docs/a.md", "docs/b.md", "other.md")
    world.put({"docs/b.md": "new"})

    summary = world.sync(prefix="docs/")  # a part: store and records are not compared

    assert (summary["changed"], summary["reconciliation"]) == (1, None)
    assert len(world.store_documents()) == 3
    assert in_step(world)


def test_an_object_rewritten_with_the_same_bytes_costs_nothing() -> None:
    world = synced()
    metered = world.gemini.metered
    world.put({PATH: f"content of {PATH}"})

    assert changes(world.sync()) == {"scanned": 1, "unchanged": 1}
    assert world.gemini.metered == metered
    desired = world.file(PATH).desired
    assert desired is not None
    assert desired.generation == 2


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
def test_page_boundaries_lose_nothing_and_count_nothing_twice(count: int) -> None:
    paths = [f"{n}.md" for n in range(count)]
    world = world_with(*paths, given=SMALL_PAGES)

    summary = world.sync()

    assert changes(summary) == {"scanned": count, "new": count, "indexed": count}
    assert len(pages(world, summary["batch_id"])) == -(-count // 3)
    assert changes(world.sync()) == {"scanned": count, "unchanged": count}
    assert in_step(world)


def test_a_page_of_new_objects_costs_one_page_of_the_listing_and_three_commits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(rules(), has_many=True)
    size = world.rules.page_size
    world.put({f"{number:04}.md": "text" for number in range(2 * size)})
    world.start(SyncRequest())
    task = scan_task(world)
    listed: list[int] = []
    committed: list[int] = []
    list_objects, commit = world.bucket.list_objects, world.documents.commit

    def noted_listing(**given: Any) -> list[ObjectInfo]:
        listed.append(given["limit"])
        return list_objects(**given)

    def noted_commit(writes: Sequence[Write]) -> list[object]:
        committed.append(len(writes))
        return commit(writes)

    monkeypatch.setattr(world.bucket, "list_objects", noted_listing)
    monkeypatch.setattr(world.documents, "commit", noted_commit)

    world.deliver(task)

    assert [limit <= LISTED_AT_ONCE for limit in listed] == [True, True]
    records, result = [MAX_WRITES_PER_COMMIT] * 2, 3  # its result, the range, the fence
    assert sorted(committed, reverse=True) == [*records, *records, result, result]


@pytest.mark.parametrize("page_size", [1, 2, 3, 4, 5])
def test_a_sidecar_on_the_next_page_is_seen_with_its_base(page_size: int) -> None:
    world = world_with("a.md", "a.md.b.txt", "a.md.c.txt", "z.md", given=rules(page_size=page_size))
    world.put({"a.md.meta.json": '{"title": "A"}'})

    summary = world.sync()

    assert changes(summary) == {"scanned": 4, "new": 4, "indexed": 4}
    titles = {d.metadata["path"]: d.metadata.get("title") for d in world.store_documents()}
    assert titles["a.md"] == "A"
    assert world.sync()["unchanged"] == 4
    world.bucket.delete("a.md.meta.json")
    assert world.sync()["metadata_changed"] == 1


@pytest.mark.parametrize("page_size", [1, 2, 100])
def test_a_sidecar_without_its_base_is_skipped_until_the_base_exists(page_size: int) -> None:
    world = world_with("0.md", given=rules(page_size=page_size))
    world.put({"a.md.meta.json": '{"title": "A"}'})

    summary = world.sync()

    assert summary["skips"] == [{"path": "a.md.meta.json", "reason": "sidecar_without_base"}]
    world.put({"a.md": "the base"})
    summary = world.sync()
    assert (summary["skips"], summary["new"], summary["skipped"]) == ([], 1, 0)
    titles = {d.metadata["path"]: d.metadata.get("title") for d in world.store_documents()}
    assert titles["a.md"] == "A"


def test_more_vanished_records_than_a_page_holds_in_one_range_are_all_found() -> None:
    kept = ["0.md", "9.md"]
    world = synced(*kept, *(f"5-{n:02d}.md" for n in range(11)), given=SMALL_PAGES)
    for n in range(11):
        world.bucket.delete(f"5-{n:02d}.md")

    summary = world.sync(max_deletes=11)

    assert changes(summary) == {"scanned": 2, "removed": 11, "unchanged": 2, "deleted": 11}
    assert in_step(world)


def test_an_empty_bucket_is_scanned_and_done() -> None:
    world = World(rules())

    summary = world.sync()

    assert (summary["status"], changes(summary)) == ("completed", {})


def test_names_in_any_script_are_scanned_in_byte_order() -> None:
    names = ["Z.md", "a b.md", "é.md", "日本.md", "🦉.md", "e\u0301.md"]
    world = world_with(*names, given=rules(page_size=2))

    summary = world.sync()

    assert changes(summary) == {"scanned": 6, "new": 6, "indexed": 6}
    assert changes(world.sync()) == {"scanned": 6, "unchanged": 6}
    assert in_step(world)


# --- prefixes ---------------------------------------------------------------------------------


def test_a_narrower_sync_leaves_everything_else_alone() -> None:
    world = synced("a.md", "docs/a.md", "docs/b.md", "docs2/a.md", "e.md")
    for path in ("a.md", "docs/a.md", "docs2/a.md"):
        world.bucket.delete(path)
    world.put({"docs/b.md": "changed", "e.md": "changed"})

    summary = world.sync(prefix="docs/")

    expected = {"scanned": 1, "changed": 1, "removed": 1, "indexed": 1, "deleted": 1}
    assert changes(summary) == expected
    assert world.stored_paths() == ["a.md", "docs/b.md", "docs2/a.md", "e.md"]


def test_the_deployments_own_prefix_bounds_every_sync() -> None:
    world = world_with("in/a.md", "out/b.md", given=rules(prefix="in/"))

    summary = world.sync()

    assert changes(summary) == {"scanned": 1, "new": 1, "indexed": 1}
    (document,) = world.store_documents()
    assert document.metadata["path"] == "a.md"


# --- errors decide nothing --------------------------------------------------------------------


def test_a_listing_that_fails_on_a_later_page_deletes_nothing_and_goes_on_from_there() -> None:
    world = synced(*(f"{n}.md" for n in range(7)), given=SMALL_PAGES)
    world.bucket.delete("0.md")
    batch = begun(world)
    task = scan_task(world)
    listed = []

    def third_fails(call: str) -> None:
        if call == "list_objects:enter":
            listed.append(call)
            if len(listed) == 2:
                raise Unavailable("bucket.list_objects", code=503)

    world.bucket.on_call = third_fails
    with pytest.raises(Unavailable):
        world.deliver(task)

    assert len(pages(world, batch.batch_id)) == 1
    assert world.file("0.md").status is FileStatus.REMOVAL_CANDIDATE
    assert len(world.store_documents()) == 7
    closed = play_out(world, batch)
    assert (closed.status, closed.counts["deleted"]) == ("completed", 1)
    assert in_step(world)


def test_a_batch_whose_listing_never_works_ends_at_its_age_at_the_latest() -> None:
    world = synced("a.md", "b.md", given=rules(batch_max_age=HOUR, scan_patience=2 * HOUR))
    world.bucket.delete(PATH)

    def fails(call: str) -> None:
        if call == "list_objects:enter":
            raise Unavailable("bucket.list_objects", code=503)

    world.bucket.on_call = fails
    closed = play_out(world, begun(world))

    assert closed.status == "deferred"
    assert len(world.store_documents()) == 2
    assert closed.completed_at is not None
    assert closed.created_at is not None
    assert closed.completed_at - closed.created_at >= HOUR


def test_a_page_that_always_raises_ends_the_batch_and_is_named() -> None:
    world = World(SMALL_PAGES)
    world.put({f"{letter}.md": letter for letter in "abcdefg"})
    batch = begun(world)
    scan = scan_task(world)
    listing = world.bucket.list_objects

    def listed(**asked: Any) -> list[ObjectInfo]:
        found = listing(**asked)
        if asked["start"] == "g.md":
            raise ValueError("character U+110000 is not in range")
        return found

    world.bucket.list_objects = listed  # type: ignore[method-assign]  # this world only
    for _ in range(MOST_FAULTS - 1):
        with pytest.raises(ValueError, match="U\\+110000"):
            world.scan(scan.payload)
    assert batch_now(world, batch).status is BatchStatus.RUNNING

    world.scan(scan.payload)

    closed = batch_now(world, batch)
    assert closed.status is BatchStatus.FAILED
    assert "page 3 of the bucket 'library', from the name 'g.md' on" in closed.message
    assert "ValueError: character U+110000 is not in range" in closed.message
    assert [file.status for file in world.files()] == [FileStatus.PENDING] * 6
    world.bucket.list_objects = listing  # type: ignore[method-assign]  # this world only
    world.clock.advance(SECOND)
    assert world.sync()["status"] == "completed"
    assert in_step(world)


def test_faults_of_different_pages_are_not_added_up() -> None:
    world = World(rules(page_size=1))
    world.put({f"{number:02}.md": "text" for number in range(MOST_FAULTS + 2)})
    batch = begun(world)
    scan = scan_task(world)
    listing, failed = world.bucket.list_objects, set()

    def listed(**asked: Any) -> list[ObjectInfo]:
        if asked["start"] not in failed:
            failed.add(asked["start"])
            raise ValueError("once")
        return listing(**asked)

    world.bucket.list_objects = listed  # type: ignore[method-assign]  # this world only
    for _ in range(MOST_FAULTS + 2):
        with pytest.raises(ValueError, match="once"):
            world.scan(scan.payload)

    assert world.run(batch).status is BatchStatus.COMPLETED


def test_a_page_repeated_after_a_crash_is_decided_the_same() -> None:
    world = world_with(*(f"{n}.md" for n in range(5)), given=SMALL_PAGES)
    batch = begun(world)
    task = scan_task(world)
    commit = world.documents.commit
    dying = [True]

    def dies(writes: list[object]) -> list[object]:
        if dying and any("/pages/" in write.path for write in writes):  # type: ignore[attr-defined]
            dying.pop()
            raise Crash
        return commit(writes)  # type: ignore[arg-type]  # passed on

    world.documents.commit = dies  # type: ignore[method-assign,assignment]  # this world only
    with pytest.raises(Crash):
        world.deliver(task)
    assert len(world.files()) == 3

    closed = play_out(world, batch)

    assert {name: n for name, n in closed.counts.items() if n} == {
        "scanned": 5,
        "new": 5,
        "records": 5,
        "indexed": 5,
    }
    assert in_step(world)


def test_a_second_delivery_of_a_page_changes_nothing() -> None:
    world = world_with(*(f"{n}.md" for n in range(5)), given=SMALL_PAGES)
    batch = begun(world)
    task = scan_task(world)
    world.scan(task.payload)

    world.scan(task.payload)

    assert len(pages(world, batch.batch_id)) == 2
    assert play_out(world, batch).counts["new"] == 5


def test_a_page_scanned_by_two_at_once_is_counted_once() -> None:
    world = world_with(*(f"{n}.md" for n in range(5)), given=SMALL_PAGES)
    batch = begun(world)
    task = scan_task(world)

    def again(call: str) -> None:
        if call == "list_objects:exit":
            world.bucket.on_call = lambda _: None
            world.scan(task.payload)

    world.bucket.on_call = again
    world.scan(task.payload)

    closed = play_out(world, batch)
    assert (closed.counts["scanned"], closed.counts["new"]) == (5, 5)
    assert in_step(world)


def test_a_scan_without_time_left_creates_a_task_for_the_next_page() -> None:
    world = world_with(*(f"{n}.md" for n in range(7)), given=SMALL_PAGES)
    batch = begun(world)
    task = scan_task(world)

    def slow(call: str) -> None:
        if call == "list_objects:exit":
            world.clock.advance(world.rules.work_budget / 2)

    world.bucket.on_call = slow
    world.deliver(task)

    following = scan_task(world)
    assert (following.payload["index"], len(pages(world, batch.batch_id))) == (1, 1)
    world.bucket.on_call = lambda _: None
    assert play_out(world, batch).counts["new"] == 7


def test_an_overtaken_scan_does_not_undo_what_its_successor_wrote() -> None:
    world = synced()
    batch = begun(world)
    task = scan_task(world)

    def overtaken(call: str) -> None:
        if call == "list_objects:exit":
            world.bucket.on_call = lambda _: None
            world.clock.advance(HOUR)
            world.put({PATH: "newer content"})
            play_out(world, batch)  # resumed under the next fence
            world.put({PATH: "newest content"})
            world.sync()

    world.put({PATH: "new content"})
    world.bucket.on_call = overtaken
    with suppress(LostLease):
        world.scan(task.payload)

    assert world.file(PATH).fence == 4  # the first sync, the second, its take-over, the third
    assert in_step(world)
    assert contents(world) == wanted(world)


# --- failures tried again ----------------------------------------------------------------------


def failed_once(world: World, error: Exception) -> None:
    """A sync in which PATH fails, permanently or until its retry is due."""
    for _ in range(5):
        world.gemini.fail_next("upload", error)
    world.sync()
    assert world.file(PATH).status is FileStatus.FAILED
    world.gemini._faults.clear()


def exhausted() -> World:
    world = world_with()
    failed_once(world, unavailable_for_this_file())
    assert world.file(PATH).failed_kind is FailureKind.EXHAUSTED
    return world


def unavailable_for_this_file() -> Exception:
    """Not a 5xx, which would open the breaker."""
    return OutcomeUnknown("upload")


def permanent() -> World:
    world = world_with()
    failed_once(world, BadRequest("upload", code=400, status="INVALID_ARGUMENT"))
    assert world.file(PATH).failed_kind is FailureKind.PERMANENT
    return world


def test_an_exhausted_file_rests_for_a_day_then_two_then_four() -> None:
    world = exhausted()
    for days in (1, 2, 4):
        failure = world.file(PATH).failure
        assert failure is not None
        failed_at = failure.at
        assert failed_at is not None
        assert failure.eligible_at == failed_at + days * DAY
        later(world, failed_at + days * DAY - timedelta(minutes=5) - world.clock.now())
        calls = world.gemini.calls["upload"]
        assert changes(world.sync()) == {"scanned": 1, "unchanged": 1, "failed": 1}
        assert world.gemini.calls["upload"] == calls
        later(world, failed_at + days * DAY - world.clock.now())
        failed_once(world, unavailable_for_this_file())


def test_an_exhausted_file_that_works_in_the_end_starts_again_from_one_day() -> None:
    world = exhausted()
    later(world, DAY)

    summary = world.sync()

    assert (summary["status"], summary["indexed"], summary["failed"]) == ("completed", 1, 0)
    file = world.file(PATH)
    assert (file.tries.exhausted_rounds, file.failure, file.tries.attempts) == (0, None, 0)
    assert in_step(world)


def test_a_permanent_failure_stays_however_long_nothing_changes() -> None:
    world = permanent()
    later(world, 400 * DAY)

    assert changes(world.sync()) == {"scanned": 1, "unchanged": 1, "failed": 1}


@pytest.mark.parametrize("change", ["content", "metadata", "retry_failed"])
def test_a_permanent_failure_is_tried_again_after_a_change_or_on_request(
    change: str,
) -> None:
    world = permanent()
    mode = SyncMode.INCREMENTAL
    match change:
        case "content":
            world.put({PATH: "repaired"})
        case "metadata":
            world.bucket.touch_metadata(PATH, {"title": "Repaired"})
        case _:
            mode = SyncMode.RETRY_FAILED

    summary = world.sync(mode=mode)

    assert (summary["status"], summary["indexed"], summary["failed"]) == ("completed", 1, 0)
    assert in_step(world)


def test_retry_failed_tries_an_exhausted_file_before_its_day() -> None:
    world = exhausted()
    metered = world.gemini.metered

    summary = world.sync(mode=SyncMode.RETRY_FAILED)

    assert (summary["indexed"], summary["failed"]) == (1, 0)
    assert summary["requests"]["metered"] == world.gemini.metered - metered == 2
    assert summary["estimated_cost"] > 0


def test_a_failed_file_that_is_removed_is_forgotten() -> None:
    world = permanent()
    world.bucket.delete(PATH)

    summary = world.sync()

    assert (summary["status"], summary["failed"], summary["deleted"]) == ("completed", 0, 0)
    assert world.file(PATH).status is FileStatus.DELETED


# --- changes during processing ------------------------------------------------------------

IN_FLIGHT = (
    FileStatus.PENDING,
    FileStatus.UPLOADING,
    FileStatus.UPLOADED,
    FileStatus.IMPORTING,
    FileStatus.UNCERTAIN,
)


def halted_in(status: FileStatus, world: World) -> None:
    """Cancel a sync while PATH has a status."""
    if status is FileStatus.UPLOADING:
        world.gemini.fail_next("upload", Crash())
    if status is FileStatus.UPLOADED:
        world.gemini.file_latency = HOUR / 10
    if status is FileStatus.IMPORTING:
        world.gemini.import_latency = HOUR / 10
    if status is FileStatus.UNCERTAIN:
        world.gemini.fail_next("import_file", lost(), after_effect=True)
    batch = begun(world)
    play_to(world, status)
    cancelled(world, batch)


@pytest.mark.parametrize("known", [False, True], ids=["a new file", "an indexed file"])
@pytest.mark.parametrize("change", ["content", "metadata", "removed", "emptied", "nothing"])
@pytest.mark.parametrize("status", IN_FLIGHT)
def test_objects_that_change_during_processing_end_as_the_bucket_has_them(
    status: FileStatus, change: str, *, known: bool
) -> None:
    world = synced("other.md")
    world.clock.advance(SECOND)
    world.put({PATH: "first edition"})
    if known:
        world.sync()
        world.put({PATH: "second edition"})
    halted_in(status, world)
    match change:
        case "content":
            world.put({PATH: "newest edition"})
        case "metadata":
            world.bucket.touch_metadata(PATH, {"title": "Newest"})
        case "removed":
            world.bucket.delete(PATH)
        case "emptied":
            world.put({PATH: ""})

    summary = world.sync()

    assert (summary["status"], summary["failed"]) == ("completed", 0), summary["message"]
    if change == "emptied":
        assert world.stored_paths() == ["other.md"]
        assert world.file(PATH).status is FileStatus.SKIPPED
    else:
        assert in_step(world)
    assert changes(world.sync()).keys() <= {"scanned", "unchanged", "skipped"}


def test_a_listing_that_lags_behind_the_records_goes_back_to_no_earlier_generation() -> None:
    world = synced()
    old = world.bucket.list_objects(prefix="", limit=10)
    world.put({PATH: "newer"})
    world.sync()
    listing = world.bucket.list_objects
    world.bucket.list_objects = lambda **_: old  # type: ignore[method-assign]  # this world only

    summary = world.sync()

    world.bucket.list_objects = listing  # type: ignore[method-assign]  # as it was
    assert changes(summary) == {"scanned": 1, "unchanged": 1}
    assert in_step(world)


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_a_new_version_with_a_smaller_generation_is_imported(mode: str) -> None:
    world = synced("a.md", "b.md")
    for name in ("a.md", "b.md"):
        world.bucket.put(name, f"newer {name}".encode(), generation=-1)

    summary = world.sync(mode=mode)

    assert changes(summary) == {"scanned": 2, "changed": 2, "indexed": 2}
    assert in_step(world)
    assert world.bucket.calls["stat_each"] == 1, "all of a page are looked at in one call"
    assert changes(world.sync()) == {"scanned": 2, "unchanged": 2}


def test_smaller_metadata_versions_are_looked_at_too() -> None:
    world = synced()
    info = world.bucket.touch_metadata(PATH, {"title": "One"})
    world.sync()
    content = f"content of {PATH}".encode()
    world.bucket.put(PATH, content, metadata={"title": "Two"}, generation=info.generation)

    assert changes(world.sync()) == {"scanned": 1, "metadata_changed": 1, "indexed": 1}


def test_requests_of_an_earlier_batch_are_not_counted_again() -> None:
    world = world_with()
    world.gemini.import_latency = HOUR / 10
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    cancelled(world, batch)
    assert batch_now(world, batch).requests["metered"] == 2
    world.bucket.touch_metadata(PATH, {"title": "Newer"})
    metered = world.gemini.metered

    summary = world.sync()

    assert summary["requests"]["metered"] == world.gemini.metered - metered


# --- a dry run --------------------------------------------------------------------------------


def test_a_dry_run_counts_and_writes_nothing_outside_its_batch() -> None:
    world = synced("a.md", "b.md")
    world.put({"a.md": "changed", "c.md": "new"})
    world.bucket.delete("b.md")
    before = world.files()
    documents = world.store_documents()

    summary = world.sync(dry_run=True)

    assert summary["status"] == "completed"
    assert changes(summary) == {"scanned": 2, "new": 1, "changed": 1, "removed": 1}
    assert summary["requests"]["metered"] == 0
    assert world.files() == before
    assert world.store_documents() == documents


def test_a_first_dry_run_creates_no_store_and_no_record() -> None:
    world = world_with()

    summary = world.sync(dry_run=True)

    later(world, HOUR)
    assert changes(summary) == {"scanned": 1, "new": 1}
    assert world.gemini.list_stores().stores == ()
    assert world.files() == []
    assert world.sync()["indexed"] == 1


def test_a_dry_run_does_not_go_on_with_what_an_earlier_sync_left() -> None:
    world = world_with()
    batch = begun(world)
    play_to(world, FileStatus.PENDING)
    cancelled(world, batch)
    before = world.files()

    world.sync(dry_run=True)

    assert world.gemini.metered == 0
    assert world.files() == before


# --- errors that stay -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PayerMissing("bucket.list_objects", code=400, detail="is requester pays"), "pay, so set"),
        (BadRequest("bucket.list_objects", code=400, detail="Invalid argument."), "PREFIX"),
        (Forbidden("bucket.list_objects", code=403, detail="serviceusage"), "BILLING_PROJECT"),
    ],
)
def test_a_listing_that_is_refused_ends_the_batch_at_once_and_says_what_to_do(
    error: GatewayError, told: str
) -> None:
    world = synced("a.md", "b.md")
    world.bucket.delete("a.md")
    world.bucket.fail_next("list_objects", error)
    began = world.clock.now()
    summary = world.sync()
    assert (summary["status"], summary["deleted"]) == ("failed", 0)
    assert told in summary["message"]
    assert error.detail in summary["message"]
    assert "BILLING_PROJECT" in summary["message"]
    assert world.clock.now() - began < MINUTE
    assert world.sync()["deleted"] == 1


def test_a_database_that_fails_for_hours_is_no_listing_that_fails() -> None:
    world = world_with("a.md", "b.md")
    batch = begun(world)
    scan = scan_task(world)
    query = world.documents.query

    def fails(asked: Query) -> list[Snapshot]:
        if asked.collection == "files":
            raise Unavailable("firestore.query", code=503)
        return query(asked)

    world.documents.query = fails  # type: ignore[method-assign, assignment]  # this world only
    for _ in range(5):
        later(world, HOUR)
        with pytest.raises(Unavailable):
            world.scan(scan.payload)
    assert batch_now(world, batch).status is BatchStatus.RUNNING

    world.documents.query = query  # type: ignore[method-assign]  # this world only
    assert play_out(world, batch).status == "completed"
    assert in_step(world)
