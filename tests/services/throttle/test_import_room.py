"""How many imports are in progress: it grows where the service bears it, and costs no file."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.deployment.rules import Rules
from shared.domain.file.record import FileStatus
from shared.domain.throttle.imports_limit import ImportsLimit
from shared.domain.throttle.tiers import Tier
from shared.gateways.database.records import IMPORTS
from shared.gateways.ports import RemoteState
from tests.services.story import (
    SECOND,
    batch_now,
    begun,
    in_step,
    later,
    play,
    play_out,
    step,
    world_with,
)
from tests.twins.imports import ImportFate
from tests.world import World, rules

PRESET = 10
FILES = 300


def fast(**changes: int) -> Rules:
    """Ten files a second, so that imports of 8 s could be 80 at a time."""
    tier = Tier(
        name="fast",
        rpm=1200,
        unmetered_rpm=100_000,
        rpd=None,
        max_concurrent_dispatches=200,
        max_imports_in_progress=PRESET,
        storage_bytes=10**12,
    )
    return rules(tier=tier, **changes)


def a_world(given: Rules, count: int = FILES) -> World:
    world = world_with(*(f"{number:04d}.md" for number in range(count)), given=given)
    world.gemini.import_latency = 8 * SECOND
    return world


def pending(world: World) -> int:
    return sum(each.state is RemoteState.PENDING for each in world.store_documents())


def most_at_once(world: World) -> int:
    """Play a whole sync; the most imports that were in progress."""
    batch, most = begun(world), 0
    while batch_now(world, batch).is_running:
        for _ in range(10):
            step(world)
        most = max(most, pending(world))
    assert batch_now(world, batch).status == "completed"
    return most


def learned(world: World) -> ImportsLimit:
    return world.context.records.get(ImportsLimit, IMPORTS).record or ImportsLimit()


def test_more_imports_are_in_progress_where_the_service_bears_them() -> None:
    world = a_world(fast(), count=2 * FILES)

    assert most_at_once(world) >= 3 * PRESET

    assert world.gemini.imports == 2 * FILES
    assert in_step(world)


def test_a_bound_of_the_service_is_found_and_no_file_loses_an_attempt() -> None:
    world = a_world(fast())
    world.gemini.imports_bound = 20

    most_at_once(world)

    assert in_step(world)
    assert world.gemini.imports - FILES <= FILES // 10
    assert all(file.tries.attempts == 0 for file in world.files())


def test_a_maximum_that_was_set_is_never_exceeded() -> None:
    world = a_world(fast(max_imports_in_progress=PRESET), count=200)

    assert most_at_once(world) == PRESET

    assert learned(world) == ImportsLimit()


def test_documents_that_failed_do_not_keep_others_from_being_imported() -> None:
    """FAILED documents are waited for, since they may turn ACTIVE; they are not in progress."""
    world = a_world(fast(), count=3 * PRESET)
    world.gemini.fates.extend([ImportFate(document_fails=True)] * PRESET)
    batch = begun(world)

    def others_are_indexed() -> bool:
        return [file.status for file in world.files()].count(FileStatus.INDEXED) == 2 * PRESET

    began = world.clock.now()
    play(world, others_are_indexed, steps=50_000)

    assert world.clock.now() - began < timedelta(minutes=3)
    later(world, timedelta(minutes=5))
    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_a_suspect_is_imported_again_beside_no_more_than_the_preset() -> None:
    world = a_world(fast())
    world.gemini.imports_bound = PRESET
    batch = begun(world)

    def suspects() -> list[str]:
        return [
            file.path
            for file in world.files()
            if file.working is not None and file.working.crowd.failed_beside
        ]

    while not suspects():
        for _ in range(20):
            step(world)
    first, *_ = suspects()
    assert play_out(world, batch).status == "completed"
    assert world.file(first).status is FileStatus.INDEXED
    assert in_step(world)
