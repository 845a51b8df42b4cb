"""A scan may change what is wanted of a file until the write that ends its processing.

No such change may be lost: the scan remembers its page, so no later scan would see it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.batch.batch import Batch
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database.queries import latest_batches
from shared.gateways.database.records import file_path
from shared.gateways.ports import ImportOperation, Query
from tests.file_records import wanting
from tests.services.story import (
    MINUTE,
    PATH,
    begun,
    cancelled,
    come_to_task,
    in_step,
    play,
    play_to,
    synced,
    world_with,
)
from tests.world import World


def scan_meanwhile(world: World, content: str | None) -> None:
    """Change the object (None: delete it), and let the next sync scan the bucket.

    What the batch before it began goes on.
    """
    if content is None:
        world.bucket.delete(PATH)
    else:
        world.put({PATH: content})
    cancelled(world, latest(world))
    begun(world)
    world.supervise()
    (scan,) = (task for task in world.queues.waiting if task.path == "/control/scan")
    world.deliver(scan)


def latest(world: World) -> Batch:
    """The batch that began last."""
    (batch,) = world.records.query(Batch, latest_batches(1))
    return batch.present


def play_on(world: World) -> Batch:
    """Play until the latest batch is over."""
    play(world, lambda: latest(world).status.is_terminal, steps=20_000)
    return latest(world)


def before_the_commit(world: World, ends: FileStatus, act: Callable[[], None]) -> None:
    """Call ``act`` just before the write that gives the file a status."""
    commit = world.documents.commit

    def commit_late(writes: Any) -> Any:
        for write in writes:
            if write.path == file_path(PATH) and write.fields.get("status") == ends:
                world.documents.commit = commit  # type: ignore[method-assign]  # this world only
                act()
        return commit(writes)

    world.documents.commit = commit_late  # type: ignore[method-assign]  # this world only


def test_an_object_that_returns_while_its_document_is_deleted_is_imported() -> None:
    world = synced("a.md", "b.md")
    world.bucket.delete(PATH)
    begun(world)
    play_to(world, FileStatus.DELETING)
    before_the_commit(world, FileStatus.DELETED, lambda: scan_meanwhile(world, "it is back"))

    assert play_on(world).status == "completed"

    assert world.file(PATH).status is FileStatus.INDEXED
    assert in_step(world)


@pytest.mark.parametrize("content", ["a third version", None])
def test_content_that_is_back_as_it_was_indexed_may_change_again(content: str | None) -> None:
    world = synced("a.md", "b.md")
    world.put({PATH: "other content"})
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    indexed = world.file(PATH).current_key
    assert indexed is not None
    world.records.change(
        FileRecord, file_path(PATH), lambda stored: wanting(stored.present, indexed)
    )
    before_the_commit(world, FileStatus.INDEXED, lambda: scan_meanwhile(world, content))
    world.deliver(task)

    assert play_on(world).status == "completed"

    assert in_step(world)


def test_an_object_that_a_delivery_found_gone_may_be_back() -> None:
    world = world_with("a.md", "b.md")
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.bucket.delete(PATH)
    before_the_commit(world, FileStatus.DELETED, lambda: scan_meanwhile(world, "it is back"))
    world.deliver(task)

    assert play_on(world).status == "completed"

    assert in_step(world)


def test_a_failure_of_replaced_content_does_not_fail_the_new_content() -> None:
    world = world_with()
    world.gemini.import_latency = 2 * MINUTE
    begun(world)
    play_to(world, FileStatus.IMPORTING)
    scan_meanwhile(world, "good content")
    ask = world.gemini.get_operation

    def refused(name: str) -> ImportOperation:
        operation = ask(name)
        world.gemini.get_operation = ask  # type: ignore[method-assign]  # this world only
        return replace(operation, done=True, document=None, error_code=3, error="bad content")

    world.gemini.get_operation = refused  # type: ignore[method-assign]  # this world only
    play(world, lambda: world.file(PATH).status is not FileStatus.IMPORTING)
    assert world.file(PATH).status is FileStatus.PENDING

    closed = play_on(world)

    assert (closed.status, closed.counts["failed"]) == ("completed", 0)
    assert world.file(PATH).status is FileStatus.INDEXED


def test_an_import_goes_on_although_the_record_of_its_operation_has_expired() -> None:
    """No sync ran for three months, and then one does."""
    world = world_with()
    world.gemini.import_latency = 10 * MINUTE
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING)
    cancelled(world, batch)
    for stored in world.records.query(LedgerEntry, Query("operations")):
        del world.documents._collections["operations"][stored.path.partition("/")[2]]

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.imports == 1
    assert in_step(world)
