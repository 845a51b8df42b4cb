"""What a batch leaves, how long it took and how fast it was, in its summary."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.batch.batch import Batch
from shared.domain.batch.left import REASON_TEXT, LeftReason
from shared.domain.errors import QuotaKind
from shared.domain.file.record import FileStatus
from shared.domain.throttle.holds import HoldReason
from shared.gateways.database.records import batch_path
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    begun,
    denied,
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

NOTHING = {"files": 0, "reason": None, "until": None}


def left(world: World, batch: Batch) -> dict[str, Any]:
    told = world.report.batch(batch.batch_id)
    assert told is not None
    found: dict[str, Any] = told["left"]
    listed = world.report.batches(1)[0]
    assert told["status"] in ("running", "paused") or listed["left"] == found
    return found


def names(count: int) -> list[str]:
    return [f"{n:03d}.md" for n in range(count)]


def test_a_batch_that_did_everything_leaves_nothing() -> None:
    assert synced(*names(3)).report.batches(1)[0]["left"] == NOTHING


def test_a_failed_file_is_not_left() -> None:
    world = world_with("a.md", "b.md")
    world.gemini.fail_next("upload", invalid())
    summary = world.sync()

    assert (summary["failed"], summary["left"]) == (1, NOTHING)


def test_a_running_batch_tells_what_it_has_yet_to_do() -> None:
    world = world_with(*names(4))
    world.gemini.import_latency = 10 * MINUTE
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING, "000.md")

    assert left(world, batch)["files"] == 4 - sum(
        each.status is FileStatus.INDEXED for each in world.files()
    )
    assert left(world, batch)["reason"] is None


def test_a_paused_batch_says_so() -> None:
    world = world_with(*names(4))
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED, "000.md")
    world.control.pause(batch.batch_id)

    assert left(world, batch)["reason"] == "paused"


def test_a_cancelled_batch_leaves_what_waits() -> None:
    world = world_with(*names(60), given=rules(tier=replace(rules().settings.tier, rpm=20)))
    batch = begun(world)
    play_for(world, MINUTE)
    world.control.cancel(batch.batch_id)
    unfinished = [each for each in world.files() if each.status is not FileStatus.INDEXED]

    assert len(unfinished) > 40
    assert left(world, batch) == {"files": len(unfinished), "reason": "cancelled", "until": None}


def test_the_budget_is_named_with_its_end() -> None:
    world = world_with(*names(6), given=rules(max_imports_per_sync=2, max_cost_per_day=None))
    summary = world.sync()

    assert summary["left"] == {"files": 4, "reason": "budget", "until": None}

    world = world_with(*names(6), given=rules(max_cost_per_day=1e-6))
    summary = world.sync()
    hold = summary["hold"]
    assert hold["reason"] == "budget"
    assert summary["left"] == {
        "files": 6 - summary["indexed"],
        "reason": "budget",
        "until": hold["until"],
    }


@pytest.mark.parametrize(
    ("quota", "reason"),
    [(QuotaKind.DAY, "day"), (QuotaKind.STORAGE, "storage"), (QuotaKind.SPEND, "spend")],
)
def test_a_used_up_allowance_is_named_with_its_end(quota: QuotaKind, reason: str) -> None:
    world = world_with(*names(3))
    world.gemini.fail_next("import_file", throttled(quota=quota))

    summary = world.sync()

    assert (summary["status"], summary["left"]["reason"]) == ("deferred", reason)
    assert summary["left"]["files"] == 3 - summary["indexed"]
    assert summary["left"]["until"] == summary["hold"]["until"]


def test_removals_that_a_guard_refuses_are_left() -> None:
    world = synced(*names(60))
    later(world, HOUR)
    for name in names(60)[:51]:
        world.bucket.delete(name)

    assert world.sync()["left"] == {"files": 51, "reason": "refused", "until": None}


def test_a_batch_that_is_too_old_leaves_the_rest() -> None:
    slow = rules(tier=replace(rules().settings.tier, rpm=5), batch_max_age=5 * MINUTE)
    summary = world_with(*names(20), given=slow).sync()

    assert (summary["status"], summary["left"]["reason"]) == ("deferred", "age")
    assert summary["left"]["files"] == 20 - summary["indexed"]


def test_a_refused_account_leaves_all_files() -> None:
    world = world_with(*names(3))
    world.sync()
    later(world, DAY)
    world.put(dict.fromkeys(names(3), "other content"))
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED, "000.md")
    for call in ("import_file", "get_store", "list_stores", "get_document", "list_documents"):
        for _ in range(50):
            world.gemini.fail_next(call, denied())
    play_out(world, batch)

    found = left(world, batch)
    assert (found["files"], found["reason"]) == (3, "account")


def test_a_dry_run_leaves_nothing_of_its_own() -> None:
    assert world_with(*names(3)).sync(dry_run=True)["left"] is None


def test_a_batch_of_an_earlier_version_has_no_figures_that_it_did_not_count() -> None:
    world = synced(*names(2))
    batch_id = world.report.batches(1)[0]["batch_id"]
    world.records.change(
        Batch, batch_path(batch_id), lambda each: replace(each.present, left=None, preset_rate=None)
    )
    told = world.report.batches(1)[0]

    assert told["left"] is None
    assert told["rate"]["preset"] is None


def test_a_sync_tells_how_long_it_took_and_how_fast_it_was() -> None:
    world = world_with(*names(30), given=rules(tier=replace(rules().settings.tier, rpm=20)))
    summary = world.sync()

    assert summary["requests"]["metered"] == 60
    assert 180 <= summary["duration_seconds"] <= 420
    assert summary["rate"]["preset"] == 20
    minutes = summary["duration_seconds"] / 60
    assert summary["rate"]["used"] == pytest.approx(60 / minutes, abs=0.1)
    assert summary["rate"]["used"] <= 20


def test_a_running_batchs_time_is_that_until_now() -> None:
    world = world_with(*names(3))
    batch = begun(world)
    world.clock.advance(90 * SECOND)

    told = world.report.batch(batch.batch_id)
    assert told is not None
    assert told["duration_seconds"] == 90
    assert world.report.batches(1)[0]["duration_seconds"] == 90


def test_every_hold_is_a_reason_and_every_reason_has_a_text() -> None:
    assert {each.value for each in HoldReason} < {each.value for each in LeftReason}
    assert REASON_TEXT.keys() == set(LeftReason)
