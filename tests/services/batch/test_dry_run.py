"""A dry run changes nothing, and the next sync does exactly what it reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import BadRequest, QuotaKind, Unavailable
from shared.domain.file.record import UNFINISHED, FileStatus
from shared.gateways.database import queries
from shared.gateways.ports import Query
from tests.file_records import document_name
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    begun,
    later,
    plant,
    play_for,
    play_to,
    store_of,
    throttled,
    world_with,
)
from tests.world import World, rules

CHANGES = ("scanned", "new", "changed", "metadata_changed", "removed", "unchanged", "skipped")
MODES = ("incremental", "full", "retry_failed")


def refused_file(world: World, path: str) -> None:
    """Let the service refuse every upload of a file with this name."""
    upload = world.gemini.upload

    def refusing(file_id: str, content: Any, *, display_name: str, **kind: Any) -> Any:
        if display_name == path:
            world.gemini.calls["upload"] += 1
            raise BadRequest("gemini.upload", code=400, status="INVALID_ARGUMENT")
        return upload(file_id, content, display_name=display_name, **kind)

    world.gemini.upload = refusing  # type: ignore[method-assign]  # what is played


def troubled(**settings: Any) -> World:
    """A world with failures, held-back candidates, unfinished files and changes of all kinds.

    30 indexed files, a failed one, one that waits from a cancelled batch, two candidates that a
    guard held back; then one new, one changed, one re-described, one gone and one skipped.
    """
    world = World(rules(page_size=7, **settings))
    world.put({f"{n:02d}.md": f"text {n}" * 10 for n in range(30)})
    refused_file(world, "bad.md")
    world.put({"bad.md": "refused"})
    world.sync()
    later(world, MINUTE)
    world.bucket.delete("00.md")
    world.bucket.delete("01.md")
    assert world.sync(max_deletes=1)["status"] == "refused"
    later(world, MINUTE)
    world.put({"late.md": "left behind", "later.md": "uploaded and left behind"})
    world.gemini.file_latency = 2 * MINUTE
    batch = begun(world, max_deletes=1)
    play_to(world, FileStatus.UPLOADED, "later.md")
    world.control.cancel(batch.batch_id)
    play_for(world, 10 * MINUTE)
    world.gemini.file_latency = SECOND
    assert {world.file(name).status for name in ("late.md", "later.md")} <= {*UNFINISHED}
    world.put({"10.md": "changed", "new.md": "new", "empty.md": ""})
    world.bucket.touch_metadata("11.md", {"title": "Eleven"})
    world.bucket.delete("29.md")
    return world


def counts(summary: dict[str, Any]) -> dict[str, int]:
    return {name: summary[name] for name in CHANGES}


def dump(world: World) -> object:
    """Everything except the lease, and batches with their pages."""
    found = {
        each.path: (each.fields, each.version)
        for collection in ("files", "operations", "ranges", "meta", "breaker", queries.WINDOW)
        for each in world.documents.query(Query(collection))
    }
    return found, world.store_documents(), world.gemini.metered


@pytest.mark.parametrize("mode", MODES)
def test_a_dry_run_changes_nothing_and_the_run_after_it_does_what_it_said(mode: str) -> None:
    world = troubled()
    before = dump(world)

    told = world.sync(mode=mode, dry_run=True)

    assert told["status"] == "completed"
    assert dump(world) == before
    later(world, SECOND)
    metered = world.gemini.metered
    done = world.sync(mode=mode)
    estimate = told["estimate"]
    assert counts(done) == counts(told)
    assert world.gemini.metered - metered == estimate["metered_requests"] - len(
        ["the import of bad.md"] if mode == "retry_failed" else []
    )
    assert done["indexed"] + estimate["retries"] == estimate["files"]
    assert done["deleted"] == estimate["removals"] == 3
    assert estimate["refusals"] == []


@pytest.mark.parametrize("mode", MODES)
def test_samples_are_the_files_that_the_run_after_it_touches(mode: str) -> None:
    world = troubled()

    samples = world.sync(mode=mode, dry_run=True)["samples"]

    paths = {kind: sorted(each["path"] for each in found) for kind, found in samples.items()}
    retried = {"retried": ["bad.md"]} if mode == "retry_failed" else {}
    assert paths == retried | {
        "new": ["new.md"],
        "changed": ["10.md"],
        "metadata_changed": ["11.md"],
        "removed": ["00.md", "01.md", "29.md"],
        "skipped": ["empty.md"],
    }
    assert samples["skipped"] == [{"path": "empty.md", "reason": "empty"}]


def test_the_second_dry_run_says_the_same_as_the_first() -> None:
    world = troubled()
    first = world.sync(dry_run=True)
    later(world, SECOND)
    second = world.sync(dry_run=True)

    assert (first["estimate"], first["samples"]) == (second["estimate"], second["samples"])


def test_what_remembered_pages_skip_is_among_the_samples() -> None:
    world = world_with("a.md")
    world.put({"empty.md": "", "photo.png": "x"})
    world.sync()
    later(world, SECOND)
    reads = world.documents.reads

    told = world.sync(dry_run=True)

    assert told["skipped"] == 2
    assert [each["path"] for each in told["samples"]["skipped"]] == ["empty.md", "photo.png"]
    assert world.documents.reads - reads < 60


def test_samples_are_few_however_many_files_there_are() -> None:
    world = World(rules(page_size=10))
    world.put({f"{n:03d}.md": "x" for n in range(95)})

    told = world.sync(dry_run=True)

    assert told["new"] == told["estimate"]["files"] == 95
    assert [each["path"] for each in told["samples"]["new"]] == [f"{n:03d}.md" for n in range(20)]


@pytest.mark.parametrize("mode", ["incremental", "full", "reconcile"])
def test_a_dry_run_over_lost_records_estimates_no_full_import(mode: str) -> None:
    world = world_with(*(f"{n:02d}.md" for n in range(12)))
    world.sync()
    world.documents._collections.clear()
    later(world, SECOND)

    told = world.sync(mode=mode, dry_run=True)

    assert told["status"] == "completed"
    assert "unknown until the records are rebuilt" in told["message"]
    assert "estimate" not in told
    assert world.files() == []
    later(world, SECOND)
    metered = world.gemini.metered
    assert world.sync(mode=mode)["status"] == "completed"
    assert world.gemini.metered == metered  # the real sync rebuilds them, and imports nothing


def test_a_dry_run_that_reconciles_reports_its_findings() -> None:
    world = world_with(*(f"{n:02d}.md" for n in range(12)))
    world.sync()
    world.gemini.delete_document(document_name(world.file("03.md")))
    plant(world, store_of(world), "gone.md")
    later(world, SECOND)
    world.put({"05.md": "changed"})

    told = world.sync(mode="reconcile", dry_run=True)

    assert (told["reconciliation"]["ghost"], told["reconciliation"]["orphan"]) == (1, 1)
    assert told["estimate"]["files"] == 1
    assert "leaves out" in told["message"]


# --- failures ---------------------------------------------------------------------------------


def failing(count: int) -> World:
    """A world whose files have all failed: the first permanently, the others exhausted."""
    world = world_with(*(f"{n:03d}.md" for n in range(count)))
    for _ in range(count):
        world.gemini.fail_next("upload", BadRequest("gemini.upload", code=400, status="BAD"))
    assert world.sync()["failed"] == count
    later(world, SECOND)
    return world


def test_failed_files_are_counted_for_a_retry_alone() -> None:
    world = failing(5)

    assert world.sync(dry_run=True)["estimate"]["files"] == 0
    later(world, SECOND)
    told = world.sync(mode="retry_failed", dry_run=True)

    assert (told["estimate"]["files"], told["estimate"]["retries"]) == (5, 5)
    assert told["estimate"]["metered_requests"] == 10
    assert {each["path"] for each in told["samples"]["retried"]} == {f"00{n}.md" for n in range(5)}
    assert all("400" in each["reason"] for each in told["samples"]["retried"])
    assert [f.status for f in world.files()] == [FileStatus.FAILED] * 5


def test_many_failed_files_are_counted_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.services.batch.dry_run.AT_ONCE", 4)
    world = failing(10)

    assert world.sync(mode="retry_failed", dry_run=True)["estimate"]["retries"] == 10


def test_a_failed_file_that_has_changed_is_counted_once_and_as_changed() -> None:
    world = failing(2)
    world.put({"000.md": "better"})

    told = world.sync(mode="retry_failed", dry_run=True)

    assert (told["changed"], told["estimate"]["files"], told["estimate"]["retries"]) == (1, 2, 1)
    assert [each["path"] for each in told["samples"]["retried"]] == ["001.md"]


def test_an_exhausted_file_is_foreseen_once_its_time_has_come() -> None:
    world = world_with(given=rules(file=replace(rules().file, max_attempts=1)))
    world.gemini.fail_next("upload", Unavailable("gemini.upload", code=500))
    assert world.sync()["failed"] == 1
    later(world, HOUR)
    assert world.sync(dry_run=True)["estimate"]["retries"] == 0
    later(world, DAY)

    assert world.sync(dry_run=True)["estimate"]["retries"] == 1
    later(world, SECOND)
    assert world.sync()["indexed"] == 1


# --- guards and figures -----------------------------------------------------------------------


def test_a_dry_run_reports_refusals_and_is_not_refused() -> None:
    world = world_with(*(f"{n}.md" for n in range(5)))
    world.sync()
    later(world, SECOND)
    for n in range(3):
        world.bucket.delete(f"{n}.md")
    world.put({"new.md": "x" * 4000, "newer.md": "x" * 4000})

    asked = {"max_deletes": 2, "max_imports": 1, "max_estimated_cost": 0.0002}
    told = world.sync(dry_run=True, **asked)

    assert told["status"] == "completed"
    imports, cost, deletions = told["estimate"]["refusals"]
    assert "2 files" in imports
    assert "0.00030 USD" in cost
    assert "3 of 5 documents" in deletions
    assert "would be refused" in told["message"]
    later(world, SECOND)
    assert world.sync(**asked)["status"] == "refused"


def test_the_figures_follow_from_sizes_prices_and_the_tier() -> None:
    world = World(rules(tier=replace(rules().settings.tier, rpm=6, rpd=10, storage_bytes=10**9)))
    world.put({f"{n}.md": "x" * 400_000 for n in range(15)})

    estimate = world.sync(dry_run=True)["estimate"]

    assert (estimate["bytes"], estimate["tokens"]) == (6_000_000, 1_500_000)
    assert (estimate["cost"], estimate["currency"]) == (pytest.approx(0.225), "USD")
    assert estimate["price_date"] == "2026-10-07"
    assert estimate["metered_requests"] == 30
    assert 300 <= estimate["seconds"] <= 310
    assert estimate["days"] == 3
    assert (estimate["storage_bytes"], estimate["storage_growth"]) == (0, 18_000_000)
    assert estimate["storage_cap"] == 10**9


def test_a_replaced_file_grows_the_store_by_the_difference() -> None:
    world = World(rules())
    world.put({"a.md": "x" * 1000})
    world.sync()
    later(world, SECOND)
    world.put({"a.md": "y" * 1500})

    estimate = world.sync(dry_run=True)["estimate"]

    assert (estimate["bytes"], estimate["storage_growth"]) == (1500, 1500)
    assert estimate["storage_bytes"] == 1000  # the twin reports one byte for each byte of input
    assert estimate["storage_used"] == 3000
    assert "careful reading" in estimate["storage_judged_by"]


def test_an_unknown_price_and_unlisted_stores_are_reported_as_unknown() -> None:
    world = world_with(given=rules(embedding_model="models/gemini-embedding-9"))
    world.sync(max_imports=1)
    later(world, SECOND)
    world.gemini.fail_next("list_stores", throttled(quota=QuotaKind.RATE))

    estimate = world.sync(dry_run=True)["estimate"]

    assert (estimate["cost"], estimate["storage_bytes"]) == (None, None)
    assert (estimate["storage_used"], estimate["storage_judged_by"]) == (None, "")


def test_add_only_foresees_no_removal() -> None:
    world = troubled()

    told = world.sync(dry_run=True, delete_policy="add_only")

    assert told["estimate"]["removals"] == 0
    assert "removed" not in told["samples"]


def test_a_dry_run_of_a_part_foresees_only_its_own_removals() -> None:
    world = world_with("a/1.md", "a/2.md", "b/1.md", "b/2.md")
    world.sync()
    later(world, SECOND)
    world.bucket.delete("a/1.md")
    world.bucket.delete("b/1.md")

    told = world.sync(dry_run=True, prefix="a/")

    assert told["estimate"]["removals"] == 1
    assert [each["path"] for each in told["samples"]["removed"]] == ["a/1.md"]
