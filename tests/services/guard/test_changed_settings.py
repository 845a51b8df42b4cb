"""Settings that would import everything again are refused until somebody allows the figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.batch.batch import BatchPhase, BatchStatus, SyncMode
from shared.domain.deployment.deployment import Deployment
from shared.domain.file.record import FileStatus
from shared.domain.metadata.path_template import PathTemplate
from shared.gateways.database.records import DEPLOYMENT
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    batch_now,
    begun,
    later,
    play,
    play_out,
    synced,
)
from tests.world import World, rules

FILES = 60
PATHS = [f"{n:03d}.md" for n in range(FILES)]

CHANGES: list[dict[str, Any]] = [
    {"path_template": PathTemplate.parse("{title}")},
    {"chunk_max_tokens": 100},
    {"expected_fields": ("title",)},
]


@pytest.fixture
def world() -> World:
    return synced(*PATHS)


def deploy(world: World, **changes: Any) -> None:
    later(world, HOUR)
    world.use(world.context_with(**changes))


def scheduled(world: World) -> dict[str, Any]:
    later(world, MINUTE)
    return world.sync(trigger="scheduler")


@pytest.mark.parametrize("change", CHANGES, ids="-".join)
def test_scheduled_syncs_are_refused_with_the_figures(world: World, change: dict[str, Any]) -> None:
    deploy(world, **change)

    for _ in range(3):  # what the first one left waiting is not imported by the next
        summary = scheduled(world)

        assert summary["status"] == "refused"
        assert "60 of 60 indexed files would be imported again" in summary["message"]
        assert "USD" in summary["message"]
        assert 'POST /sync with {"max_imports": 60}' in summary["message"]
        assert "fss sync --max-imports 60" in summary["message"]
    assert world.gemini.imports == FILES


@pytest.mark.parametrize("mode", list(SyncMode))
def test_every_mode_scans_the_pages_again_that_other_settings_have_shaped(mode: SyncMode) -> None:
    world = synced("a.md", "b.md")
    deploy(world, chunk_max_tokens=100)

    summary = world.sync(mode=mode)

    assert (summary["metadata_changed"], summary["indexed"]) == (2, 2)
    assert world.gemini.imports == 4


def test_nothing_is_imported_while_the_scan_is_incomplete() -> None:
    world = synced(*PATHS, given=rules(page_size=3))
    deploy(world, chunk_max_tokens=100)

    assert scheduled(world)["status"] == "refused"
    assert world.gemini.calls["upload"] == FILES


@pytest.mark.parametrize("figures", [{"max_imports": 60}, {"max_estimated_cost": 1.0}])
def test_a_person_who_gives_the_figures_lets_them_through(
    world: World, figures: dict[str, Any]
) -> None:
    deploy(world, chunk_max_tokens=100)
    scheduled(world)
    later(world, MINUTE)

    summary = world.sync(**figures)

    assert (summary["status"], summary["indexed"]) == ("completed", FILES)


def test_later_scheduled_syncs_continue_what_was_allowed(world: World) -> None:
    deploy(world, chunk_max_tokens=100, max_imports_per_sync=20)
    assert world.sync(max_imports=FILES)["status"] == "deferred"

    assert [scheduled(world)["indexed"] for _ in range(2)] == [20, 20]
    assert scheduled(world)["status"] == "completed"


@pytest.mark.parametrize("request_", [{}, {"mode": "full"}, {"max_imports": 59}])
def test_a_request_without_the_figures_or_with_smaller_ones_is_refused(
    world: World, request_: dict[str, Any]
) -> None:
    deploy(world, chunk_max_tokens=100)

    assert world.sync(**request_)["status"] == "refused"
    assert world.gemini.imports == FILES


def test_a_scheduled_sync_does_not_allow_it_by_figures_of_its_own(world: World) -> None:
    deploy(world, chunk_max_tokens=100)

    assert world.sync(trigger="scheduler", max_imports=1000)["status"] == "refused"


def test_another_change_is_asked_for_again(world: World) -> None:
    deploy(world, chunk_max_tokens=100)
    world.sync(max_imports=FILES)
    deploy(world, chunk_max_tokens=200)

    assert scheduled(world)["status"] == "refused"


def test_settings_that_are_set_back_leave_everything_as_it_was(world: World) -> None:
    before = world.rules.settings.chunk_max_tokens
    deploy(world, chunk_max_tokens=100)
    scheduled(world)
    deploy(world, chunk_max_tokens=before)

    summary = scheduled(world)

    assert summary["status"] == "completed"
    assert world.gemini.imports == FILES
    assert {each.status for each in world.files()} == {FileStatus.INDEXED}


def test_other_changes_of_a_refused_sync_wait_too_and_are_not_lost(world: World) -> None:
    deploy(world, chunk_max_tokens=100)
    world.put({"new.md": "new"})

    assert scheduled(world)["status"] == "refused"
    assert world.gemini.imports == FILES
    later(world, MINUTE)
    assert world.sync(max_imports=FILES + 1)["indexed"] == FILES + 1


def test_few_files_are_imported_without_asking() -> None:
    world = synced(*PATHS[:50])
    deploy(world, chunk_max_tokens=100)

    assert scheduled(world)["indexed"] == 50


def test_a_person_who_touches_the_metadata_of_many_objects_is_not_asked(world: World) -> None:
    later(world, HOUR)
    for path in PATHS:
        world.bucket.put(path, f"content of {path}".encode(), metadata={"team": "search"})

    summary = scheduled(world)

    assert (summary["metadata_changed"], summary["indexed"]) == (FILES, FILES)


def test_a_setting_that_changes_no_document_asks_nothing(world: World) -> None:
    deploy(world, max_file_bytes=1000)
    world.put({"new.md": "new"})

    assert scheduled(world)["indexed"] == 1


def test_a_new_store_needs_no_figures(world: World) -> None:
    deploy(world, chunk_max_tokens=100, store_display_name="another")

    assert world.sync(mode="full", new_store=True)["indexed"] == FILES
    assert scheduled(world)["status"] == "completed"


def test_records_of_an_earlier_version_are_asked_about_too(world: World) -> None:
    """They don't say under which settings their documents were imported."""
    world.records.change(
        Deployment, DEPLOYMENT, lambda stored: replace(stored.present, imported_settings="")
    )
    deploy(world, chunk_max_tokens=100)

    assert scheduled(world)["status"] == "refused"


def test_lost_records_and_other_settings_together_are_asked_about(world: World) -> None:
    world.documents._collections.clear()
    deploy(world, chunk_max_tokens=100)

    assert scheduled(world)["status"] == "refused"
    assert world.gemini.imports == FILES


def test_settings_deployed_during_the_scan_are_asked_about() -> None:
    world = synced(*PATHS, given=rules(page_size=20))
    later(world, HOUR)
    batch = begun(world, trigger="scheduler", mode="full")
    play(world, lambda: batch_now(world, batch).phase is BatchPhase.SCANNING)
    deploy(world, chunk_max_tokens=100)

    assert play_out(world, batch).status is BatchStatus.REFUSED
    assert world.gemini.imports == FILES


def test_a_dry_run_tells_of_the_refusal(world: World) -> None:
    deploy(world, chunk_max_tokens=100)

    estimate = world.sync(dry_run=True)["estimate"]

    assert "60 of 60 indexed files" in estimate["refusals"][0]
    assert estimate["metadata_changed_files"] == FILES
    later(world, MINUTE)
    assert world.sync(dry_run=True, max_imports=FILES)["estimate"]["refusals"] == []


def test_a_small_change_of_metadata_shows_its_price() -> None:
    world = World(rules(max_cost_per_day=10.0))
    world.put({"big.md": "x" * 1_000_000})
    world.sync()
    later(world, DAY)
    world.put({"big.md.meta.json": '{"a": 1}'})
    price = pytest.approx(0.15 / 4)

    dry = world.sync(dry_run=True)

    assert dry["estimate"]["metadata_changed_cost"] == dry["metadata_changed_cost"] == price
    assert dry["estimate"]["metadata_changed_files"] == 1
    later(world, MINUTE)
    summary = world.sync()
    assert (summary["metadata_changed"], summary["metadata_changed_cost"]) == (1, price)
    assert summary["estimated_cost"] == price
