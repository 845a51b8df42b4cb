"""Reconcile: the store is listed, and differences from the records are repaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.batch.batch import BatchStatus, SyncMode
from shared.domain.errors import BadRequest, OutcomeUnknown
from shared.domain.file.record import FileRecord, FileStatus
from shared.domain.source.content_hash import NO_HASHES
from shared.gateways.database.records import file_path
from shared.gateways.ports import DocumentPage, Write
from shared.services.batch.run import MOST_LISTING_FAILURES
from shared.services.reconcile import reconcile
from tests.file_records import document_name
from tests.services.story import (
    DAY,
    PATH,
    SECOND,
    begun,
    cancelled,
    denied,
    in_step,
    invalid,
    later,
    plant,
    play_for,
    play_out,
    play_to,
    store_of,
    synced,
    throttled,
    unavailable,
)
from tests.world import World, rules

PATHS = [f"{number:02}.md" for number in range(30)]


def library() -> World:
    """Thirty indexed files; the clock is past the second of the sync."""
    world = synced(*PATHS)
    world.clock.advance(SECOND)
    return world


def wipe(world: World) -> None:
    """Lose the database."""
    world.documents._collections.clear()
    world.clock.advance(SECOND)


def reconciled(world: World, **request: Any) -> tuple[dict[str, Any], Mapping[str, int]]:
    """Sync with mode reconcile; returns its summary and the counts of its findings."""
    summary = world.sync(mode=SyncMode.RECONCILE, **request)
    world.clock.advance(SECOND)
    return summary, summary["reconciliation"]


def lose_document(world: World, path: str) -> None:
    world.gemini.delete_document(document_name(world.file(path)))


def change_record(world: World, path: str, **changes: Any) -> None:
    world.records.change(
        FileRecord, file_path(path), lambda stored: replace(stored.present, **changes)
    )


# --- nothing to do ----------------------------------------------------------------------------


def test_a_reconcile_of_a_store_in_step_finds_nothing() -> None:
    world = library()
    metered = world.gemini.metered

    summary, found = reconciled(world)

    assert (summary["status"], summary["unchanged"], summary["drift"]) == ("completed", 30, 0)
    assert found == {"listed": 30}
    assert world.gemini.metered == metered


# --- the database is lost ---------------------------------------------------------------------


def test_records_are_rebuilt_from_the_store_without_an_import() -> None:
    world = library()
    before = {record.path: record for record in world.files()}
    imports = world.gemini.imports
    wipe(world)

    summary, found = reconciled(world)

    assert (summary["status"], summary["unchanged"], summary["indexed"]) == ("completed", 30, 0)
    assert found == {"listed": 30, "orphan": 30, "adopted": 30}
    assert world.gemini.imports == imports
    rebuilt = {record.path: record for record in world.files()}
    assert rebuilt.keys() == before.keys()
    for path, record in rebuilt.items():
        assert record.status is FileStatus.INDEXED
        known = before[path].current
        assert known is not None
        assert record.current == replace(known, hashes=NO_HASHES, import_call=None)
        assert record.desired_key == record.current_key
        assert record.desired == before[path].desired


def test_after_a_rebuild_only_what_changed_meanwhile_is_imported() -> None:
    world = library()
    imports = world.gemini.imports
    wipe(world)
    world.put({"00.md": "changed", "new.md": "new"})
    world.bucket.delete("01.md")

    summary = world.sync()

    names = ["new", "changed", "removed", "unchanged", "status"]
    assert [summary[name] for name in names] == [1, 1, 1, 28, "completed"]
    assert world.gemini.imports == imports + 2
    assert in_step(world)


def test_a_rebuild_that_was_cut_short_goes_on_before_anything_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "PAGES_AT_ONCE", 1)
    world = library()
    imports = world.gemini.imports
    wipe(world)
    world.gemini.fail_next("list_documents", unavailable())
    batch = begun(world)
    listed = world.gemini.calls["list_documents"]

    def fail_on_the_second(call: str) -> None:
        if call == "list_documents:enter" and world.gemini.calls["list_documents"] == listed + 3:
            world.gemini.fail_next("list_documents", unavailable())

    world.gemini.on_call = fail_on_the_second
    while world.gemini.calls["list_documents"] < listed + 3:
        world.step()
    world.control.cancel(batch.batch_id)
    world.clock.advance(SECOND)
    assert 0 < len(world.files()) < len(PATHS)

    summary = world.sync()

    assert (summary["status"], summary["unchanged"]) == ("completed", len(PATHS))
    assert world.gemini.imports == imports
    assert in_step(world)


def test_names_too_long_for_the_metadata_are_found_again() -> None:
    long = [f"{letter * 300}.md" for letter in "ab"]
    world = synced("short.md", *long)
    imports = world.gemini.imports
    wipe(world)

    summary, found = reconciled(world)
    _, again = reconciled(world)

    assert (summary["unchanged"], found["adopted"]) == (3, 3)
    assert again == {"listed": 3}
    assert sorted(record.path for record in world.files()) == sorted(["short.md", *long])
    assert world.gemini.imports == imports


def test_a_deployment_prefix_is_put_before_the_names() -> None:
    world = synced("docs/a.md", "docs/b.md", given=rules(prefix="docs/"))
    imports = world.gemini.imports
    wipe(world)

    summary, _ = reconciled(world)

    assert summary["unchanged"] == 2
    assert world.gemini.imports == imports


# --- orphans, duplicates, ghosts --------------------------------------------------------------


def test_ten_of_each_kind_are_listed_and_repaired_and_a_second_run_finds_none() -> None:
    world = library()
    store = store_of(world)
    orphans = [f"orphan-{number}.md" for number in range(10)]
    world.put(dict.fromkeys(orphans[:5], "of no record"))
    for path in orphans:
        plant(world, store, path)
    for path in PATHS[:10]:
        plant(world, store, path)
    for path in PATHS[10:20]:
        lose_document(world, path)
    imports = world.gemini.imports

    summary, found = reconciled(world)
    _, again = reconciled(world)

    assert found == {"listed": 40, "orphan": 10, "adopted": 10, "duplicate": 10, "ghost": 10}
    named = {(each["kind"], each["path"]) for each in summary["findings"]}
    assert named == {
        *(("orphan", path) for path in orphans),
        *(("duplicate", path) for path in PATHS[:10]),
        *(("ghost", path) for path in PATHS[10:20]),
    }
    assert summary["removed"] == summary["deleted"] == 5, "orphans without an object"
    assert world.gemini.imports == imports + 10, "the ghosts, and nothing else"
    assert again == {"listed": 35}
    assert in_step(world)


def test_foreign_documents_are_reported_and_left_alone() -> None:
    world = library()
    theirs = plant(world, store_of(world), "00.md", owner="somebody else")

    _, found = reconciled(world)

    assert found == {"listed": 31, "foreign": 1}
    assert theirs in [document.name for document in world.store_documents()]


def test_of_two_documents_without_a_record_the_newest_stays() -> None:
    world = library()
    newest = plant(world, store_of(world), "00.md")
    imports = world.gemini.imports
    wipe(world)

    _, found = reconciled(world)

    assert found == {"listed": 31, "orphan": 30, "adopted": 31, "duplicate": 1}
    assert world.file("00.md").current_document == newest
    assert world.gemini.imports == imports
    assert in_step(world)


def test_a_record_older_than_the_store_adopts_its_document() -> None:
    """The database came back from a backup: its documents have been replaced since."""
    world = library()
    old = world.file("00.md")
    world.put({"00.md": "changed"})
    world.sync()
    imports = world.gemini.imports
    change_record(
        world,
        "00.md",
        current=old.current,
        desired=old.desired,
        indexed_at=old.indexed_at,
        working=old.working,
    )
    world.clock.advance(SECOND)

    summary, found = reconciled(world)

    assert found == {"listed": 30, "orphan": 1, "adopted": 1}
    assert summary["failed"] == 0
    assert world.gemini.imports == imports
    assert in_step(world)


def test_a_document_of_a_file_that_failed_saves_its_import() -> None:
    world = library()
    world.put({"x.md": "content"})
    world.gemini.fail_next("import_file", invalid())
    assert world.sync()["failed"] == 1
    plant(world, store_of(world), "x.md")
    imports = world.gemini.imports
    world.clock.advance(SECOND)

    summary, found = reconciled(world)

    assert found == {"listed": 31, "orphan": 1, "adopted": 1}
    assert summary["failed"] == 0
    assert world.gemini.imports == imports
    assert in_step(world)


def test_a_document_of_an_object_that_is_gone_and_forgotten_is_removed() -> None:
    world = library()
    world.bucket.delete("00.md")
    world.sync()
    plant(world, store_of(world), "00.md")
    world.clock.advance(SECOND)

    summary = world.sync()

    assert (summary["deleted"], summary["drift"]) == (1, 0)
    assert in_step(world)


def test_removals_of_orphans_are_limited_by_max_deletes() -> None:
    world = library()
    for number in range(60):
        plant(world, store_of(world), f"gone-{number}.md")

    summary, found = reconciled(world)

    assert found["orphan"] == 60
    assert (summary["status"], summary["deleted"]) == ("refused", 0)
    assert "max_deletes=60" in summary["message"]
    assert len(world.store_documents()) == 90


def test_many_ghosts_are_not_imported_again_unasked() -> None:
    paths = [f"{number:03}.md" for number in range(60)]
    world = synced(*paths)
    for path in paths[:51]:
        lose_document(world, path)
    world.clock.advance(SECOND)
    metered = world.gemini.metered

    summary = world.sync(mode=SyncMode.RECONCILE)
    world.clock.advance(SECOND)
    allowed = world.sync(mode=SyncMode.RECONCILE, max_imports=51)

    assert summary["status"] == "refused"
    assert "51 of 60 documents are gone" in summary["message"]
    assert "max_imports=51" in summary["message"]
    assert allowed["status"] == "completed"
    assert world.gemini.metered == metered + 2 * 51
    assert in_step(world)


def test_a_part_is_reconciled_alone() -> None:
    world = synced("a/1.md", "b/1.md")
    for path in ("a/1.md", "b/1.md"):
        lose_document(world, path)
    world.clock.advance(SECOND)

    _, found = reconciled(world, prefix="a/")

    assert found == {"listed": 0, "ghost": 1}
    assert [str(document.metadata["path"]) for document in world.store_documents()] == ["a/1.md"]


# --- errors and doubtful answers  -------------------------------------------------------------


def test_a_listing_that_shows_nothing_makes_no_ghosts(monkeypatch: pytest.MonkeyPatch) -> None:
    world = library()
    metered = world.gemini.metered
    page = world.gemini.list_documents(store_of(world))
    monkeypatch.setattr(
        world.gemini, "list_documents", lambda *_: replace(page, documents=(), next_page_token="")
    )

    summary, found = reconciled(world)

    assert (summary["status"], found) == ("completed", {"listed": 0})
    assert world.gemini.metered == metered


def test_a_403_makes_no_ghosts() -> None:
    world = library()
    lose_document(world, "00.md")
    world.gemini.fail_next("get_document", denied())
    imports = world.gemini.imports
    told: list[int] = []

    def account_trouble(call: str) -> None:
        if call == "get_document:exit" and not told:
            told.append(world.gemini.imports)
            world.gemini.fail_next("get_store", denied())

    world.gemini.on_call = account_trouble

    _, found = reconciled(world)

    assert found == {"listed": 29, "ghost": 1}
    assert (told, world.gemini.imports) == ([imports], imports + 1)


def test_a_403_of_documents_and_store_alike_makes_no_ghosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bad key: of the documents, which a lagging listing leaves out, nothing is known."""
    world = library()
    metered = world.gemini.metered
    page = world.gemini.list_documents(store_of(world))
    monkeypatch.setattr(
        world.gemini, "list_documents", lambda *_: replace(page, documents=(), next_page_token="")
    )
    refused: list[str] = []

    def refuse(call: str) -> None:
        asks = call in ("get_document:enter", "get_store:enter")
        if asks and len(refused) < 3 and (refused or call == "get_document:enter"):
            refused.append(call)
            raise denied()

    world.gemini.on_call = refuse

    summary, found = reconciled(world)

    assert refused[:2] == ["get_document:enter", "get_store:enter"]
    assert (summary["status"], found) == ("completed", {"listed": 0})
    assert world.gemini.metered == metered


@pytest.mark.parametrize("error", [unavailable(), BadRequest("gemini.call", code=400)])
def test_a_failed_listing_continues_where_it_was_or_begins_again(error: Exception) -> None:
    world = library()
    plant(world, store_of(world), "00.md")
    listed = world.gemini.calls["list_documents"]

    def fail_on_the_second(call: str) -> None:
        if call == "list_documents:enter" and world.gemini.calls["list_documents"] == listed + 2:
            world.gemini.fail_next("list_documents", error)

    world.gemini.on_call = fail_on_the_second

    _, found = reconciled(world)

    assert found["duplicate"] == 1
    assert in_step(world)


def test_a_reconcile_survives_a_crash_after_any_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "PAGES_AT_ONCE", 1)
    world = library()
    wipe(world)
    plant(world, store_of(world), "00.md")
    imports = world.gemini.imports
    batch = begun(world, mode=SyncMode.RECONCILE)
    commit, writes = world.documents.commit, 0

    class Crash(Exception):
        pass

    def commit_and_die(*args: Any) -> Any:
        nonlocal writes
        result = commit(*args)
        writes += 1
        if writes % 3 == 0:
            raise Crash
        return result

    monkeypatch.setattr(world.documents, "commit", commit_and_die)
    for _ in range(60):
        try:
            world.supervise()
        except Crash:
            world.clock.advance(timedelta(minutes=6))
    monkeypatch.undo()
    assert play_out(world, batch).status is BatchStatus.COMPLETED

    assert world.gemini.imports == imports
    assert in_step(world)


def test_a_sync_ends_without_its_last_listing_if_that_keeps_failing() -> None:
    world = library()
    lose_document(world, "00.md")
    batch = begun(world)
    for _ in range(MOST_LISTING_FAILURES):
        world.gemini.fail_next("list_documents", unavailable())

    play_for(world, timedelta(hours=3))

    summary = world.report.batch(batch.batch_id)
    assert summary is not None
    assert (summary["status"], summary["drift"]) == (BatchStatus.COMPLETED, -1)
    assert "could not be listed" in summary["message"]

    summary = world.sync()  # no reconcile has explained the difference yet
    assert summary["reconciliation"] == {"listed": 29, "ghost": 1}
    assert in_step(world)


def test_a_part_of_the_listing_that_could_not_be_written_is_listed_again() -> None:
    world = library()
    for path in PATHS[:3]:
        plant(world, store_of(world), path)
    commit = world.documents.commit
    lost_writes: list[str] = []

    def failing(writes: Sequence[Write]) -> list[object]:
        if not lost_writes and any("/listing/" in write.path for write in writes):
            lost_writes.append(writes[-1].path)
            raise OutcomeUnknown("commit", code=504)
        return commit(writes)

    world.documents.commit = failing  # type: ignore[method-assign]  # this world only
    batch = begun(world, mode=SyncMode.RECONCILE)

    assert play_out(world, batch).reconciliation == {"listed": 33, "duplicate": 3}
    assert lost_writes
    assert in_step(world)


def test_occasional_failed_reads_do_not_prevent_the_repair_of_ghosts() -> None:
    world = library()
    for path in PATHS:
        lose_document(world, path)
    looks = [0]

    def fail_often(call: str) -> None:
        if call == "get_document:enter":
            looks[0] += 1
            if looks[0] % 4 == 0:
                raise throttled()

    world.gemini.on_call = fail_often
    batch = begun(world, mode=SyncMode.RECONCILE, max_imports=100)

    closed = play_out(world, batch)

    assert closed.reconciliation == {"listed": 0, "ghost": 30}
    assert looks[0] < 5 * len(PATHS)
    assert in_step(world)


def test_an_invalid_page_token_does_not_mix_two_listings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "PAGES_AT_ONCE", 50)
    world = library()
    plant(world, store_of(world), "00.md")
    listing = world.gemini.list_documents
    refused: list[str] = []

    def refuse_once(store: str, page_token: str = "") -> DocumentPage:
        if page_token and not refused:
            refused.append(page_token)
            raise invalid()
        return listing(store, page_token)

    world.gemini.list_documents = refuse_once  # type: ignore[method-assign]  # this world only
    batch = begun(world, mode=SyncMode.RECONCILE)

    assert play_out(world, batch).reconciliation == {"listed": 31, "duplicate": 1}
    assert refused
    assert in_step(world)


def test_a_removed_orphan_leaves_no_page_that_is_scanned_again_each_time() -> None:
    worlds = [library(), library()]
    plant(worlds[0], store_of(worlds[0]), "gone.md")
    reads = []
    for world in worlds:
        world.sync()
        later(world, DAY)
        world.sync()
        before = world.documents.reads
        assert world.sync()["unchanged"] == 30
        reads.append(world.documents.reads - before)

    assert reads[0] <= reads[1] + 3, "its records aside, the page is remembered as any other"


# --- files under way --------------------------------------------------------------------------


def with_import_under_way(*, twice: bool = True) -> World:
    """A cancelled sync left an import running; with ``twice``, a second one took effect."""
    world = library()
    world.put({PATH: "new"})
    world.gemini.import_latency = timedelta(minutes=10)
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    world.gemini.import_latency = timedelta(0)
    cancelled(world, batch)
    if twice:
        plant(world, store_of(world), PATH)
    return world


def test_files_under_way_are_judged_when_all_are_at_rest() -> None:
    world = with_import_under_way()
    imports = world.gemini.imports

    summary, found = reconciled(world)

    assert (summary["status"], summary["drift"]) == ("completed", 0)
    assert found == {"listed": 32, "duplicate": 1}
    assert {each["kind"] for each in summary["findings"]} == {"duplicate"}
    assert world.gemini.imports == imports
    assert in_step(world)


def test_the_store_is_listed_once_if_files_under_way_settle_themselves() -> None:
    world = with_import_under_way(twice=False)
    listed = world.gemini.calls["list_documents"]

    summary, found = reconciled(world)

    assert found == {"listed": 31, "undecided": 1}
    assert summary["drift"] == 0
    assert world.gemini.calls["list_documents"] - listed == 2, "31 documents are two pages"


def test_a_document_that_stays_pending_is_removed_like_a_failed_one() -> None:
    world = library()
    world.gemini.import_latency = timedelta(days=400)
    late = plant(world, store_of(world), "00.md")
    world.gemini.import_latency = timedelta(0)

    _, at_first = reconciled(world)
    later(world, world.rules.file.import_deadline)
    _, at_last = reconciled(world)

    assert at_first == {"listed": 31, "undecided": 1}
    assert at_last == {"listed": 31, "duplicate": 1}
    assert late not in [document.name for document in world.store_documents()]
    assert in_step(world)


# --- a dry run --------------------------------------------------------------------------------


def dump(world: World) -> dict[str, Any]:
    """Everything except the lease, and batches with their documents."""
    return {
        collection: dict(documents)
        for collection, documents in world.documents._collections.items()
        if documents and not collection.startswith(("batches", "locks"))
    }


def test_a_dry_run_changes_nothing_and_finds_what_the_run_after_it_finds() -> None:
    world = library()
    world.put({"00.md": "changed", "new.md": "new"})
    world.bucket.delete("01.md")
    plant(world, store_of(world), "02.md")
    plant(world, store_of(world), "unknown.md")
    before, documents, metered = dump(world), world.store_documents(), world.gemini.metered

    planned, expected = reconciled(world, dry_run=True)

    assert dump(world) == before
    assert world.store_documents() == documents
    assert world.gemini.metered == metered

    summary, found = reconciled(world)

    assert found == expected
    names = ["scanned", "new", "changed", "metadata_changed", "unchanged", "skipped"]
    assert [summary[name] for name in names] == [planned[name] for name in names]
    assert in_step(world)


def test_a_difference_after_the_first_reconcile_is_listed_at_the_end() -> None:
    world = library()
    world.put({PATH: "new"})
    batch = begun(world, mode=SyncMode.RECONCILE)
    play_to(world, FileStatus.UPLOADED)
    plant(world, store_of(world), "00.md")  # a process paused past every deadline sent it

    assert play_out(world, batch).status is BatchStatus.COMPLETED

    assert in_step(world)
