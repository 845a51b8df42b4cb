"""One delivery of a task: whether it may work on its file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import Conflict
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database.records import file_path
from tests.services.story import PATH, begun, come_to_task, in_step, play_out, synced, world_with


def payload(**changes: object) -> dict[str, Any]:
    return {"schema": 1, "path": PATH, "seq": 1, "batch": "b", "generation": 0, **changes}


def test_a_task_of_a_file_or_batch_that_is_not_there_is_acknowledged() -> None:
    world = world_with()
    assert world.advance(payload()) == "gone"


def test_a_task_of_a_finished_file_is_acknowledged_and_asks_nothing_of_gemini() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    play_out(world, batch)
    calls = sum(world.gemini.calls.values())

    assert world.advance(task.payload) == "over"

    assert sum(world.gemini.calls.values()) == calls


def test_a_duplicate_of_a_task_whose_file_waits_for_a_slot_is_acknowledged() -> None:
    world = world_with()
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.deliver(task)

    assert world.advance(task.payload) == "over"
    assert world.gemini.metered == 1


def test_every_task_delivered_twice_makes_nothing_twice() -> None:
    world = world_with(*(f"{n}.md" for n in range(6)))
    deliver = world.advance
    twice = lambda p: (deliver(p), deliver(p))[0]  # noqa: E731 - a handler for this world
    world.advance = twice  # type: ignore[assignment]  # the world's handler

    summary = world.sync()

    assert (summary["status"], summary["indexed"]) == ("completed", 6)
    assert (world.gemini.metered, world.gemini.imports) == (12, 6)
    assert in_step(world)


def test_a_record_that_changes_between_reading_and_claiming_is_read_again() -> None:
    world = world_with()
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    read = world.documents.get_all
    racing = [True]

    def raced(paths: list[str]) -> object:
        snapshots = read(paths)
        if racing:
            racing.pop()
            world.advance(task.payload)
        return snapshots

    world.documents.get_all = raced  # type: ignore[method-assign,assignment]  # this world only

    assert world.advance(task.payload) == "over"
    assert world.gemini.metered == 1


def test_a_task_carries_its_record_so_that_only_the_breakers_is_read() -> None:
    world = world_with()
    begun(world)
    for status in (FileStatus.PENDING, FileStatus.UPLOADED):
        task = come_to_task(world, status, "uploads")
        reads = world.documents.reads

        world.deliver(task)

        assert world.documents.reads - reads == 1
    assert world.gemini.metered == 2


@pytest.mark.parametrize(
    "record",
    ["", "{", "7", '{"version": 1, "fields": {}}', '{"version": 1, "fields": {"path": 1}}'],
)
def test_a_task_without_a_record_that_can_be_read_has_it_read(record: str) -> None:
    world = world_with()
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")

    assert world.advance({**task.payload, "record": record}) == "done"

    assert world.file(PATH).status is FileStatus.UPLOADED


def test_a_record_of_another_file_is_not_believed() -> None:
    world = world_with("a.md", "b.md")
    begun(world)
    a, b = (come_to_task(world, FileStatus.PENDING, "uploads", path) for path in ("a.md", "b.md"))

    assert world.advance({**a.payload, "record": b.payload["record"]}) == "done"

    assert world.file("a.md").status is FileStatus.UPLOADED
    assert world.file("b.md").status is FileStatus.PENDING


def test_a_record_that_a_scan_has_changed_since_is_read_again() -> None:
    world = world_with()
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    stored = world.records.get(FileRecord, file_path(PATH))
    wanted = replace(stored.present.desired, tokens=1) if stored.present.desired else None
    world.records.write(stored, replace(stored.present, desired=wanted))

    assert world.advance(task.payload) == "done"

    assert (world.file(PATH).status, world.file(PATH).desired) == (FileStatus.UPLOADED, wanted)
    assert world.gemini.metered == 1


def test_a_late_repetition_books_no_start() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    play_out(world, batch)
    writes = world.documents.writes

    assert world.advance(task.payload) == "over"

    assert world.documents.writes == writes


def test_a_record_that_keeps_changing_leaves_the_task_to_a_retry() -> None:
    world = world_with()
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")

    def conflict(_: object) -> list[object]:
        raise Conflict("somebody wrote")

    world.documents.commit = conflict  # type: ignore[method-assign,assignment]  # this world only

    with pytest.raises(Conflict):
        world.advance(task.payload)
    assert world.gemini.metered == 0


@pytest.mark.parametrize(
    "changes",
    [{"schema": 99}, {"path": 7}, {"seq": "1"}, {"batch": None}, {"generation": "x"}],
    ids=str,
)
def test_an_invalid_payload_is_refused_and_changes_nothing(
    changes: dict[str, object],
) -> None:
    world = synced()
    writes = world.documents.writes

    with pytest.raises(Exception, match="task"):
        world.advance(payload(**changes))

    assert world.documents.writes == writes
