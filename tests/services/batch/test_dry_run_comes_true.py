"""A dry run changes nothing, and the next sync does what it reported, for any small world."""

from __future__ import annotations

import pytest

from shared.domain.batch.batch import SyncMode
from shared.domain.errors import BadRequest
from shared.domain.file.record import FailureKind, FileStatus
from shared.gateways.database.records import LEASE
from shared.gateways.ports import Fields
from tests.services.story import SECOND, changes, in_step, synced
from tests.world import World, rules

SAID = ("scanned", "new", "changed", "metadata_changed", "removed", "unchanged", "skipped")

Dump = dict[str, Fields]


def dump(world: World, *, but: str = "") -> Dump:
    """All records except the lease and those of a batch."""
    return {
        f"{collection}/{name}": stored.fields
        for collection, found in world.documents._collections.items()
        for name, stored in found.items()
        if f"{collection}/{name}" != LEASE and not (but and but in f"{collection}/{name}")
    }


def changed_world() -> World:
    """A world with one change of each kind, and a removal that was refused before."""
    paths = [f"{n}.md" for n in range(12)]
    world = synced(*paths, given=rules(page_size=4))
    world.bucket.delete("11.md")
    world.put({"failing.md": "fails", "failing too.md": "fails"})
    for _ in range(2):
        error = BadRequest("upload", code=400, status="INVALID_ARGUMENT")
        world.gemini.fail_next("upload", error)
    world.clock.advance(SECOND)
    assert world.sync(max_deletes=0)["status"] == "refused"
    assert world.file("failing.md").failed_kind is FailureKind.PERMANENT
    assert world.file("11.md").status is FileStatus.REMOVAL_CANDIDATE

    world.put({"new.md": "new", "new 2.md": "new", "1.md": "changed", "2.md": "", "no.png": "x"})
    world.put({"3.md": "content of 3.md", "4.md.meta.json": '{"title": "Four"}'})
    world.put({"lone.md.meta.json": '{"title": "Alone"}'})
    world.bucket.touch_metadata("5.md", {"title": "Five"})
    world.bucket.delete("6.md")
    world.bucket.delete("7.md")
    world.put({"8 renamed.md": "content of 8.md"})
    world.bucket.delete("8.md")
    world.clock.advance(SECOND)
    return world


@pytest.mark.parametrize("mode", [*SyncMode])
@pytest.mark.parametrize("prefix", ["", "1"])
def test_a_dry_run_changes_nothing_and_the_run_after_it_does_what_it_said(
    mode: SyncMode, prefix: str
) -> None:
    world = changed_world()
    records, documents = dump(world), world.store_documents()
    metered, created = world.gemini.metered, dict(world.gemini.calls)

    said = world.sync(mode=mode, prefix=prefix, dry_run=True)

    assert said["status"] == "completed"
    assert dump(world, but=said["batch_id"]) == records
    assert world.store_documents() == documents
    assert world.gemini.metered == metered
    assert {"upload", "import_file", "delete_document", "create_store"}.isdisjoint(
        name for name, calls in world.gemini.calls.items() if calls != created.get(name, 0)
    )
    assert not world.queues.waiting
    world.clock.advance(SECOND)

    imports, failed = world.gemini.imports, said["failed"]
    done = world.sync(mode=mode, prefix=prefix)

    assert {name: done[name] for name in SAID} == {name: said[name] for name in SAID}
    retried = failed if mode is SyncMode.RETRY_FAILED and not prefix else 0  # none has the prefix
    imported = said["new"] + said["changed"] + said["metadata_changed"] + retried
    assert (done["indexed"], world.gemini.imports - imports) == (imported, imported)
    assert len(documents) + said["new"] + retried - done["deleted"] == len(world.store_documents())
    if not prefix:
        assert (done["deleted"], done["failed"]) == (5, failed - retried)
        assert world.file("failing.md").status is (
            FileStatus.INDEXED if retried else FileStatus.FAILED
        )


def test_two_dry_runs_have_the_same_result() -> None:
    world = changed_world()

    first = world.sync(dry_run=True)
    world.clock.advance(SECOND)

    assert changes(world.sync(dry_run=True)) == changes(first)


def test_a_dry_run_of_a_settled_library_says_that_nothing_is_to_do() -> None:
    world = synced("a.md", "b.md")
    world.clock.advance(SECOND)

    assert changes(world.sync(dry_run=True)) == {"scanned": 2, "unchanged": 2}
    assert in_step(world)
