"""A sync of a part: nothing is uploaded or imported for a file without its prefix."""

from __future__ import annotations

import pytest

from shared.domain.batch.batch import BatchPhase
from shared.domain.file.record import FileStatus
from tests.services.story import (
    DAY,
    MINUTE,
    batch_now,
    begun,
    cancelled,
    changes,
    come_to_task,
    in_step,
    invalid,
    later,
    operations,
    play,
    play_out,
    play_to,
    world_with,
)
from tests.world import World, rules

PATHS = ("a/1.md", "b/1.md", "b/2.md")


def left(*paths: str, status: FileStatus = FileStatus.PENDING, **changes: object) -> World:
    """A world whose first sync was cancelled when the last of these files had this status."""
    world = world_with(*paths, given=rules(**changes))
    world.gemini.import_latency = 5 * MINUTE
    batch = begun(world)
    play(world, lambda: batch_now(world, batch).phase is BatchPhase.WORKING)
    play_to(world, status, paths[-1])
    cancelled(world, batch)
    return world


def imported(world: World) -> list[str]:
    """The path of each import that was ever sent."""
    return sorted(each.path for each in operations(world))


def statuses(world: World) -> dict[str, str]:
    return {each.path: each.status.value for each in world.files()}


def test_what_an_earlier_sync_left_elsewhere_waits_for_another_one() -> None:
    world = left(*PATHS)
    uploads = world.gemini.calls["upload"]

    summary = world.sync(prefix="a/")

    assert (summary["status"], summary["indexed"]) == ("completed", 1)
    assert summary["left"] == {"files": 0, "reason": None, "until": None}
    assert imported(world) == ["a/1.md"]
    assert world.gemini.calls["upload"] == uploads + 1
    assert statuses(world) == {"a/1.md": "indexed", "b/1.md": "pending", "b/2.md": "pending"}

    assert world.sync()["indexed"] == 2
    assert imported(world) == list(PATHS)
    assert in_step(world)


def test_the_progress_is_that_of_the_part() -> None:
    world = left(*PATHS)
    batch = begun(world, prefix="a/")
    play_to(world, FileStatus.IMPORTING, "a/1.md")
    told = world.report.batch(batch.batch_id)
    assert told is not None
    progress = told["progress"]
    assert (progress["total"], progress["waiting"], progress["in_progress"]) == (1, 0, 1)


def test_a_raw_file_elsewhere_is_not_imported() -> None:
    world = left(*PATHS, status=FileStatus.UPLOADED)
    before = imported(world)
    assert "b/2.md" not in before
    world.sync(prefix="a/")
    assert [path for path in imported(world) if path not in before] in ([], ["a/1.md"])
    assert statuses(world)["b/2.md"] == "uploaded"
    world.sync()
    assert imported(world) == list(PATHS), "each once, in the end"


def test_an_import_under_way_elsewhere_ends_and_is_not_waited_for() -> None:
    world = left(*PATHS, status=FileStatus.IMPORTING)
    world.gemini.import_latency = 60 * MINUTE
    world.put({"a/2.md": "new"})
    sent = imported(world)

    world.sync(prefix="c/")
    assert imported(world) == sent
    play_to(world, FileStatus.INDEXED, "b/2.md")

    world.gemini.import_latency = MINUTE
    assert world.sync()["status"] == "completed"
    assert imported(world) == ["a/1.md", "a/2.md", "b/1.md", "b/2.md"], "none was sent twice"
    assert in_step(world)


def test_a_task_that_was_planned_elsewhere_is_given_back() -> None:
    """Whichever batch its task names: the sync of the part looks after lost tasks everywhere."""
    world = left(*PATHS)
    batch = begun(world, prefix="a/")
    task = come_to_task(world, FileStatus.PENDING, "uploads", "b/1.md")
    uploads = world.gemini.calls["upload"]
    outcome = world.advance({**task.payload, "batch": batch.batch_id})
    assert (outcome, world.gemini.calls["upload"]) == ("given_back", uploads)
    assert world.file("b/1.md").schedule.slot == "upload"


def test_failed_files_elsewhere_are_not_tried_again() -> None:
    world = world_with(*PATHS)
    for _ in PATHS:
        world.gemini.fail_next("import_file", invalid())
    assert world.sync()["failed"] == 3
    world.sync(prefix="b/", mode="retry_failed")
    assert statuses(world) == {"a/1.md": "failed", "b/1.md": "indexed", "b/2.md": "indexed"}


def test_a_retry_that_is_due_elsewhere_waits() -> None:
    world = world_with(*PATHS)
    for _ in PATHS:
        world.gemini.fail_next("import_file", invalid())
    world.sync()
    later(world, 40 * DAY)
    before = imported(world)
    world.sync(prefix="b/")
    assert [path for path in imported(world) if path.startswith("a/")] == ["a/1.md"]
    assert len(before) == 3


@pytest.mark.parametrize("limits", [{"max_imports_per_sync": 1}, {"max_cost_per_day": 1e-9}])
def test_the_budget_speaks_of_the_part(limits: dict[str, float]) -> None:
    world = left("a/1.md", "a/2.md", *(f"b/{n}.md" for n in range(4)))
    world.use(world.context_with(**limits))
    budget = world.sync(prefix="a/")["budget"]
    assert budget["files"] <= 2
    assert {path[0] for path in imported(world)} <= {"a"}


def test_a_days_quota_is_for_the_part() -> None:
    world = left(*PATHS, *(f"b/{n}.md" for n in range(3, 9)))
    batch = begun(world, prefix="a/")
    assert play_out(world, batch).tomorrow == 0
    assert imported(world) == ["a/1.md"]


def test_a_dry_run_of_a_part_tells_its_work_alone_and_comes_true() -> None:
    world = left(*PATHS)
    estimate = world.sync(prefix="b/", dry_run=True)["estimate"]
    assert (estimate["files"], estimate["metered_requests"]) == (2, 4)
    assert estimate["tokens"] > 0
    assert world.sync(prefix="b/", max_imports=2)["indexed"] == 2


def test_the_guards_count_the_part() -> None:
    world = left(*PATHS)
    assert world.sync(prefix="a/", max_imports=1)["status"] == "completed"
    assert world.sync(prefix="b/", max_imports=1)["status"] == "refused"


def test_a_part_that_is_done_ends_though_more_lies_uploaded_elsewhere_than_may() -> None:
    world = left(*(f"b/{n}.md" for n in range(12)), status=FileStatus.UPLOADED,
                 max_imports_in_progress=1)  # fmt: skip
    world.put({"a/1.md": "content"})
    summary = world.sync(prefix="a/")
    assert changes(summary) == {"scanned": 1, "new": 1, "indexed": 1}
