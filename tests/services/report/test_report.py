"""Answers about batches, files, the store and the breaker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import BadRequest, InvalidRequest
from shared.domain.file.record import FileStatus
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    begun,
    later,
    play_out,
    play_to,
    synced,
    world_with,
)
from tests.world import World

SUMMARY = [
    "batch_id",
    "status",
    "mode",
    "trigger",
    "scanned",
    "new",
    "changed",
    "metadata_changed",
    "removed",
    "unchanged",
    "skipped",
    "young",
    "indexed",
    "deleted",
    "failed",
    "unreadable",
    "drift",
    "reconciliation",
    "requests",
    "started_at",
    "completed_at",
    "duration_seconds",
    "estimated_cost",
    "rate",
    "left",
    "message",
    "skips",
    "failures",
]


def test_the_answer_about_a_batch_has_the_documented_keys() -> None:
    world = world_with("a.md", "b.md")
    summary = world.sync()

    assert list(summary)[: len(SUMMARY)] == SUMMARY
    assert summary["requests"] == {"metered": 4, "throttled": 0, "unmetered": 8}
    assert (summary["mode"], summary["trigger"]) == ("incremental", "http")
    assert summary["started_at"] == "2026-01-01T00:00:00+00:00"
    assert summary["completed_at"] > summary["started_at"]


def test_the_answer_about_a_running_batch_shows_its_progress() -> None:
    world = world_with(*(f"{n}.md" for n in range(4)))
    world.gemini.import_latency = 10 * MINUTE
    batch = begun(world)
    play_to(world, FileStatus.IMPORTING, "0.md")
    world.clock.advance(MINUTE)

    told = world.report.batch(batch.batch_id)

    assert told is not None
    assert (told["status"], told["phase"]) == ("running", "working")
    progress = told["progress"]
    assert (progress["total"], progress["done"]) == (4, 0)
    assert progress["waiting"] + progress["in_progress"] == 4
    assert progress["eta_seconds"] == 1, "what four files take at this rate"
    assert told["breaker"]["state"] == "closed"
    assert told["hold"] is None


def test_a_paused_batch_and_one_that_scans_have_no_known_time_to_go() -> None:
    world = world_with(*(f"{n}.md" for n in range(4)))
    batch = begun(world)
    world.control.pause(batch.batch_id)
    paused = world.report.batch(batch.batch_id)
    assert paused is not None
    assert paused["progress"]["eta_seconds"] is None


def test_a_prefix_that_no_object_has_is_told() -> None:
    world = world_with("a.md")
    assert world.sync(prefix="b/")["message"] == "there is no object whose name begins with 'b/'"
    later(world, DAY)
    assert world.sync(prefix="a")["message"] == ""


def test_a_list_shows_the_figures_of_a_running_batch_as_they_are_now() -> None:
    world = world_with(*(f"{n}.md" for n in range(4)))
    world.sync()
    later(world, DAY)
    world.put({"new.md": "new"})
    batch = begun(world)
    world.gemini.import_latency = 10 * MINUTE
    play_to(world, FileStatus.IMPORTING, "new.md")

    running, before = world.report.batches(10)

    told = world.report.batch(batch.batch_id)
    assert told is not None
    for name in ("scanned", "new", "indexed", "failed", "requests", "estimated_cost"):
        assert running[name] == told[name], name
    assert running["new"] == 1
    assert before["indexed"] == 4


def test_a_finished_batch_has_nothing_left_and_no_time_to_go() -> None:
    world = world_with("a.md", "b.md")
    progress = world.sync()["progress"]

    assert (progress["total"], progress["done"], progress["eta_seconds"]) == (2, 2, 0)


def test_a_failure_is_reported_with_path_reason_kind_and_attempts() -> None:
    world = world_with()
    world.gemini.fail_next("upload", BadRequest("files.upload", code=400, status="BAD"))

    summary = world.sync()

    (failure,) = summary["failures"]
    assert failure["path"] == PATH
    assert (failure["kind"], failure["attempts"]) == ("permanent", 1)
    assert "400" in failure["reason"]
    told = world.report.file(PATH)
    assert told is not None
    (row,) = told["files"]
    assert (row["status"], row["kind"], row["code"]) == ("failed", "permanent", 400)
    assert told["imports"] == []  # it failed before any was sent


def test_a_files_imports_are_listed_with_their_cost_latest_first() -> None:
    world = world_with()
    world.sync()
    later(world, HOUR)
    world.put({PATH: "other content"})
    batch_id = world.sync()["batch_id"]

    told = world.report.file(PATH)

    assert told is not None
    latest, first = told["imports"]
    assert (latest["batch_id"], latest["state"], first["state"]) == (
        batch_id,
        "succeeded",
        "succeeded",
    )
    assert latest["document"] == world.file(PATH).current_document != first["document"]
    assert (latest["tokens"], latest["currency"]) == (4, "USD")
    assert latest["estimated_cost"] == 4 * 0.15 / 1_000_000
    assert latest["operation"]
    assert latest["completed_at"]
    assert (first["document"], first["operation"], first["completed_at"]) == ("", "", None)


def test_every_failure_is_listed_page_by_page() -> None:
    world = world_with(*(f"{n}.md" for n in range(8)))
    for _ in range(8):
        world.gemini.fail_next("upload", BadRequest("files.upload", code=400, status="BAD"))
    batch_id = world.sync()["batch_id"]

    rows, token, pages = [], "", 0
    while pages < 10:
        reads = world.documents.reads
        page = world.report.failures(token, 3)
        assert world.documents.reads - reads <= 3
        rows += page["failures"]
        token, pages = page["next_page_token"], pages + 1
        if not token:
            break

    assert pages == 3
    assert sorted(row["path"] for row in rows) == [f"{n}.md" for n in range(8)]
    assert {(row["kind"], row["attempts"], row["code"]) for row in rows} == {("permanent", 1, 400)}
    assert {row["batch_id"] for row in rows} == {batch_id}
    assert all(row["failed_at"] and row["eligible_at"] is None for row in rows)


def test_a_token_of_another_list_is_refused() -> None:
    world = world_with(*(f"{n}.md" for n in range(3)))
    for _ in range(2):
        world.gemini.fail_next("upload", BadRequest("files.upload", code=400, status="BAD"))
    first = world.sync()["batch_id"]
    later(world, SECOND)
    world.sync()
    report = world.report

    def files(batch_id: str, status: FileStatus | None, token: str) -> dict[str, Any]:
        found = report.files(batch_id, status, token, 1)
        assert found is not None
        return found

    lists: dict[str, Callable[[str], dict[str, Any]]] = {
        "batches": lambda token: report.history(token, 1),
        "failures": lambda token: report.failures(token, 1),
        "all files": lambda token: files(first, None, token),
        "failed files": lambda token: files(first, FileStatus.FAILED, token),
        "another batch's": lambda token: files("b", FileStatus.FAILED, token),
    }
    tokens = {name: read("")["next_page_token"] for name, read in lists.items()}
    assert all(tokens.values())

    for name, read in lists.items():
        assert read(tokens[name])
        for other in tokens.keys() - {name}:
            with pytest.raises(InvalidRequest, match="page_token"):
                read(tokens[other])


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_a_file_that_failed_for_good_costs_nothing_until_it_changes(mode: str) -> None:
    world = world_with("a.md", "b.md")
    world.gemini.fail_next("upload", BadRequest("files.upload", code=400, status="BAD"))
    world.sync()
    (failed,) = [each.path for each in world.files() if each.status is FileStatus.FAILED]
    before, metered = world.file(failed), world.gemini.metered
    for _ in range(3):
        later(world, 40 * DAY)
        summary = world.sync(mode=mode)
        assert (summary["status"], summary["failed"]) == ("completed_with_failures", 1)
    assert replace(world.file(failed), fence=before.fence) == before
    assert world.gemini.metered == metered

    later(world, SECOND)
    world.put({failed: "better"})
    assert world.sync(mode=mode)["failed"] == 0
    assert world.gemini.metered == metered + 2


def test_batches_are_listed_newest_first() -> None:
    world = world_with()
    ids = []
    for _ in range(3):
        ids.append(world.sync()["batch_id"])
        world.clock.advance(SECOND)

    assert [each["batch_id"] for each in world.report.batches(2)] == ids[:0:-1]


def test_the_history_is_paged_without_loss_or_repeat() -> None:
    world = world_with()
    ids = []
    for number in range(7):
        ids.append(world.sync(dry_run=number % 2 == 1)["batch_id"])
        later(world, SECOND)
    told: list[dict[str, Any]] = []
    token, pages = "", 0
    while pages < 10:
        page = world.report.history(token, 3)
        told += page["batches"]
        token, pages = page["next_page_token"], pages + 1
        if not token:
            break

    assert [each["batch_id"] for each in told] == ids[::-1]
    assert pages == 3
    assert [each["dry_run"] for each in told] == [False, True, False, True, False, True, False]
    assert {each["message"] for each in told} == {"", "dry run: nothing was changed"}
    assert {each["drift"] for each in told if not each["dry_run"]} == {0}
    assert all(each["started_at"] and each["completed_at"] for each in told)


@pytest.mark.parametrize("token", ["é", "a/b", "..", "20260101-000000-id0009", "x" * 99])
def test_a_token_that_names_no_batch_is_refused(token: str) -> None:
    with pytest.raises(InvalidRequest, match="page_token"):
        synced().report.history(token, 10)


def test_files_of_a_batch_are_paged_without_loss_or_repeat() -> None:
    world = synced(*(f"{n}.md" for n in range(7)))
    batch_id = world.report.batches(1)[0]["batch_id"]
    seen: list[str] = []
    token, pages = "", 0
    while pages < 10:
        page = world.report.files(batch_id, FileStatus.INDEXED, token, 3)
        assert page is not None
        seen += [row["path"] for row in page["files"]]
        token, pages = page["next_page_token"], pages + 1
        if not token:
            break

    assert sorted(seen) == [f"{n}.md" for n in range(7)]
    assert pages == 3


def test_every_batch_lists_the_skipped_files() -> None:
    world = world_with("a.md")
    world.put({"empty.md": ""})
    world.sync()
    world.clock.advance(SECOND)
    second = world.sync()

    page = world.report.files(second["batch_id"], FileStatus.SKIPPED, "", 10)
    assert page is not None
    assert [(row["path"], row["reason"]) for row in page["files"]] == [("empty.md", "empty")]
    assert second["skips"] == [{"path": "empty.md", "reason": "empty"}]


@pytest.mark.parametrize("token", ["é", "x", "////", "a" * 5])
def test_an_invented_page_token_is_refused(token: str) -> None:
    world = World()

    with pytest.raises(InvalidRequest, match="page_token"):
        world.report.files("b", None, token, 10)


def test_a_missing_batch_or_file_is_none() -> None:
    world = World()

    assert world.report.batch("nothing") is None
    assert world.report.file("nothing") is None
    for odd in ("__a__", "..", "a b", "", "x" * 2000, "\ud800"):
        assert world.report.batch(odd) is None
        assert world.report.files(odd, None, "", 10) is None
    assert world.report.batches(10) == []
    assert world.report.breaker()["breaker"]["state"] == "closed"


def test_reports_change_nothing() -> None:
    world = world_with()
    batch = begun(world)
    play_out(world, batch)
    writes = world.documents.writes

    world.report.batch(batch.batch_id)
    world.report.batches(10)
    world.report.files(batch.batch_id, None, "", 10)
    world.report.file(PATH)

    assert world.documents.writes == writes
