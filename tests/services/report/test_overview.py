"""What somebody who looks in is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.batch.batch import Batch
from shared.domain.batch.schedule import Schedule
from shared.domain.file.record import FileStatus
from shared.gateways.database.records import batch_path, file_path
from shared.gateways.ports import Put
from shared.services.report.file_lists import FileList, Wanted
from shared.services.report.report import Report
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    begun,
    invalid,
    later,
    play_for,
    play_out,
    play_to,
    synced,
    throttled,
    world_with,
)
from tests.world import World, rules

SLOW = rules(tier=replace(rules().settings.tier, rpm=200))


def names(count: int) -> list[str]:
    return [f"{number:03d}.md" for number in range(count)]


def saved(world: World, batch: Batch) -> Batch:
    return world.records.get(Batch, batch_path(batch.batch_id)).present


def test_before_the_first_sync_there_is_nothing_to_tell() -> None:
    told = World().report.overview()
    assert told["standing"] == {"state": "never_synced", "checked_at": None, "since": None}
    assert (told["latest"], told["running"], told["batches"]) == (None, None, [])


def test_after_a_sync_the_store_is_in_step() -> None:
    world = synced("a.md")
    later(world, HOUR)
    world.sync()
    told = world.report.overview()

    first, last = told["batches"][1], told["batches"][0]
    assert told["standing"] == {
        "state": "in_step",
        "checked_at": last["completed_at"],
        "since": first["completed_at"],
    }
    assert told["store"].startswith("fileSearchStores/")
    assert told["running"] is None


def test_a_running_batch_has_the_figures_of_its_record() -> None:
    world = world_with(*names(300), given=SLOW)
    batch = begun(world)
    play_for(world, 3 * MINUTE)
    progress = saved(world, batch).progress
    assert progress is not None
    reads = world.documents.reads

    told = world.report.overview.now()

    assert world.documents.reads - reads == 2
    assert told["running"]["progress"]["done"] == progress.done > 0
    assert told["running"]["progress"]["total"] == 300
    assert told["latest"]["indexed"] == progress.counts["indexed"]
    assert told["latest"]["left"]["files"] == progress.left
    assert told["latest"]["requests"]["metered"] > 0
    assert told["latest"]["estimated_cost"] > 0


def test_the_supervisor_counts_about_once_a_minute() -> None:
    world = world_with(*names(300), given=SLOW)
    batch = begun(world)
    counted: set[datetime] = set()
    for _ in range(43):
        play_for(world, timedelta(seconds=4))
        progress = saved(world, batch).progress
        if progress is not None:
            counted.add(progress.counted_at)

    assert 2 <= len(counted) <= 3
    play_out(world, batch)


def test_a_batch_that_was_not_counted_yet_has_what_its_scan_found() -> None:
    world = world_with(*names(300), given=SLOW)
    batch = begun(world)
    play_for(world, MINUTE / 2)
    assert saved(world, batch).progress is None

    told = world.report.overview.now()

    assert told["running"]["progress"]["total"] == 300
    assert told["running"]["counted_at"] is None
    play_out(world, batch)
    assert saved(world, batch).progress is None, "it has its final figures"


def test_a_sync_of_unchanged_files_counts_nothing() -> None:
    world = synced(*names(5))
    later(world, DAY)
    batch = begun(world)
    play_out(world, batch)
    assert saved(world, batch).progress is None


def test_what_the_day_has_cost_is_that_of_this_day() -> None:
    world = world_with(*names(3), given=rules(max_cost_per_day=1.0))
    world.sync()
    spent = world.report.overview()["spending"]
    assert spent["limit"] == 1.0
    assert spent["spent"] == pytest.approx(world.report.batches(1)[0]["estimated_cost"])

    later(world, DAY)
    begun(world)
    play_for(world, MINUTE)
    assert world.report.overview()["spending"]["spent"] == 0


def test_the_next_run_is_told_if_it_is_known() -> None:
    world = synced()
    assert world.report.overview()["next_run"] is None
    schedule = Schedule("30 * * * *")
    report = Report(world.records, world.rules.breaker, schedule.next_after)
    following = datetime.fromisoformat(report.overview()["next_run"])
    assert (following.minute, following > world.clock.now()) == (30, True)


def test_the_window_has_the_latest_metered_requests_of_all_files() -> None:
    world = world_with("a.md", "b.md")
    world.gemini.fail_next("upload", throttled())
    world.sync()

    told = world.report.overview.window()["window"]

    ended = Counter((each["outcome"], each["call"]) for each in told)
    assert ended == {
        ("throttled", "gemini.call"): 1,
        ("success", "files.upload"): 2,
        ("success", "import_file"): 2,
    }
    times = [each["at"] for each in told]
    assert times == sorted(times, reverse=True)


def test_a_damaged_record_stops_no_list() -> None:
    world = synced("a.md", "b.md", "c.md", "d.md")
    for name in ("a.md", "b.md", "c.md", "d.md"):
        fields = dict(world.documents.get(file_path(name)).fields or {}) | {"status": "failed"}
        damage = {"tries": "none"} if name in ("b.md", "d.md") else {}
        world.documents.commit([Put(file_path(name), fields | damage)])

    rows: list[dict[str, Any]] = []
    token = ""
    while True:
        page = world.report.lists(FileList.FAILED, Wanted(), token, 1)
        rows += page["files"]
        if not (token := page["next_page_token"]):
            break

    assert [row["path"] for row in rows] == ["a.md", "c.md"]


def test_lists_name_what_needs_a_look() -> None:
    world = world_with("a.md", "b.md", "c.md")
    world.put({"empty.md": ""})
    world.gemini.fail_next("upload", invalid())
    world.gemini.import_latency = 10 * MINUTE
    begun(world)
    play_to(world, FileStatus.IMPORTING, "c.md")

    listed = {
        which: [row["path"] for row in world.report.lists(which, Wanted(), "", 10)["files"]]
        for which in FileList
    }

    assert listed[FileList.SKIPPED] == ["empty.md"]
    assert len(listed[FileList.FAILED]) == 1
    assert sorted(listed[FileList.FAILED] + listed[FileList.WAITING]) == ["a.md", "b.md", "c.md"]
