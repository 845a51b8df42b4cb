"""What the stores' sizes count is learned from the service's answers, and room is judged by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import QuotaKind, Throttled
from shared.domain.estimate.storage_reading import LearnedFrom, SizeOf, StorageReading
from shared.domain.estimate.store_capacity import STORED_PER_BYTE
from shared.gateways.database.records import STORAGE
from shared.services.events import Event
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    begun,
    breaker_now,
    in_step,
    later,
    logged,
    play,
    play_out,
)
from tests.world import World, rules

FILE = 400
"""Size of each file in bytes."""

TRUTHS = {
    "sizes count the input": (3, 1),
    "sizes count what the limit counts": (3, 3),
    "sizes and limit count the input": (1, 1),
}


def world_of(cap: int, truth: str, *, preset: int | None = None, files: int = 0) -> World:
    """A world whose service holds ``cap`` bytes; the tier's preset says so too, unless given."""
    tier = replace(rules().settings.tier, rpm=60, storage_bytes=preset or cap)
    world = World(rules(tier=tier))
    world.gemini.storage_cap = cap
    world.gemini.stored_per_byte, world.gemini.reported_per_byte = TRUTHS[truth]
    world.put({f"{n:03d}.md": f"{n:03d}" + "x" * (FILE - 3) for n in range(files)})
    return world


def reading(world: World) -> StorageReading:
    return world.records.get(StorageReading, STORAGE).present


def refusals(world: World) -> int:
    return world.gemini.calls["import_file"] - world.gemini.imports


def least(world: World, takes: int) -> int:
    """How many of the files that the service takes are to be there at least.

    A file counts three times beforehand, so the last ones wait if the service counts it once.
    """
    return takes - 2 if world.gemini.stored_per_byte == STORED_PER_BYTE else takes * 8 // 10


def sync_hourly(world: World, times: int = 8) -> dict[str, Any]:
    summary = {}
    for _ in range(times):
        summary = world.sync()
        later(world, 2 * HOUR)
    return summary


@pytest.mark.parametrize("latency", [timedelta(), 3 * MINUTE], ids=["at once", "slowly"])
@pytest.mark.parametrize("truth", TRUTHS)
def test_a_deployment_uses_what_the_service_takes_and_then_stops(
    truth: str, latency: timedelta
) -> None:
    cap = 60_000
    world = world_of(cap, truth, files=200)
    world.gemini.import_latency = latency
    takes = cap // world.gemini.stored_per_byte // FILE

    summary = sync_hourly(world)

    assert least(world, takes) <= world.gemini.imports <= takes
    assert refusals(world) <= 1
    sent = world.gemini.metered
    summary = sync_hourly(world, 3)
    assert refusals(world) <= 1
    if world.gemini.stored_per_byte == STORED_PER_BYTE:
        assert world.gemini.metered == sent, "it knows that nothing fits"
    assert (summary["status"], summary["failed"]) == ("deferred", 0)
    assert "judged by" in summary["message"]
    assert summary["storage"]["is_assumed"] is False


@pytest.mark.parametrize("truth", TRUTHS)
def test_files_too_large_for_the_careful_reading_are_tried_one_by_one(truth: str) -> None:
    """Else the deployment would stop itself, and the service never be asked."""
    world = world_of(100_000, truth)
    world.put({f"{n:02d}.md": str(n % 10) * 7_000 for n in range(20)})
    takes = 100_000 // world.gemini.stored_per_byte // 7_000

    summary = sync_hourly(world)

    assert least(world, takes) <= world.gemini.imports <= takes
    assert refusals(world) <= 1
    assert summary["status"] == "deferred"


def test_a_refusal_teaches_that_the_limit_counts_more_than_the_stores_report() -> None:
    world = world_of(60_000, "sizes count the input", files=200)

    summary = world.sync()

    known = reading(world)
    assert (known.sizes, known.learned_from) == (SizeOf.INPUT, LearnedFrom.REFUSAL)
    assert known.cap == 60_000
    assert "60 kB of the 60 kB that the service named" in summary["message"]
    assert "(they report 20 kB; judged by a refusal (20" in summary["message"]
    assert "3 times what the stores report" in summary["message"]


def test_more_in_the_stores_than_the_careful_reading_allows_refutes_it_without_a_refusal() -> None:
    world = world_of(60_000, "sizes count what the limit counts", files=30)
    world.sync()
    later(world, SECOND)
    world.put({"more.md": "x"})

    summary = world.sync()

    known = reading(world)
    assert (known.sizes, known.learned_from) == (SizeOf.STORED, LearnedFrom.ACCEPTANCE)
    assert refusals(world) == 0
    assert "accepted" in summary["storage"]["judged_by"]


def test_until_something_is_learned_the_summary_says_that_the_reading_is_careful() -> None:
    world = world_of(60_000, "sizes count the input", files=2)
    world.sync()
    later(world, SECOND)
    world.put({"more.md": "x"})

    summary = world.sync()

    assert summary["storage"] == {
        "reported": 800,
        "used": 2400,
        "cap": 60_000,
        "judged_by": summary["storage"]["judged_by"],
        "is_assumed": True,
        "cap_is_named": False,
    }
    assert "careful" in summary["storage"]["judged_by"]
    assert world.records.get(StorageReading, STORAGE).record is None


@pytest.mark.parametrize("truth", TRUTHS)
def test_a_limit_that_is_lower_than_the_preset_is_believed_when_it_is_named(truth: str) -> None:
    world = world_of(30_000, truth, preset=10**9, files=120)
    takes = 30_000 // world.gemini.stored_per_byte // FILE
    summary = world.sync()
    assert (summary["status"], world.gemini.imports) == ("deferred", takes)
    sent = world.gemini.calls["import_file"]
    later(world, 2 * HOUR)

    summary = world.sync()

    assert world.gemini.calls["import_file"] <= sent + 1
    assert "30 kB that the service named" in summary["message"]
    later(world, DAY)
    world.gemini.storage_cap = 10**9
    summary = world.sync()
    assert (summary["status"], summary["failed"]) == ("completed", 0), "somebody raised it"
    assert in_step(world)


def test_a_limit_that_is_higher_than_the_preset_is_used() -> None:
    world = world_of(60_000, "sizes count the input", preset=6_000, files=30)
    world.gemini.fail_next(
        "import_file",
        Throttled("gemini.import_file", quota=QuotaKind.STORAGE, storage_limit=60_000),
    )
    assert world.sync()["status"] == "deferred"
    later(world, 2 * HOUR)

    assert sync_hourly(world, 2)["status"] == "completed"
    assert in_step(world)


def test_what_was_learned_does_not_hold_for_another_tier() -> None:
    world = world_of(60_000, "sizes count the input", files=200)
    world.sync()
    later(world, 2 * HOUR)
    tier = replace(world.rules.settings.tier, name="higher", storage_bytes=600_000)
    world.use(world.context_with(tier=tier))
    world.gemini.storage_cap = 600_000

    summary = world.sync()

    assert summary["status"] == "completed"
    assert summary["storage"]["is_assumed"] is True
    assert in_step(world)


def test_a_refusal_without_a_number_is_judged_by_the_preset() -> None:
    world = world_of(60_000, "sizes count the input", files=200)
    refuse = world.gemini._check_storage

    def unnamed(size: int) -> None:
        try:
            refuse(size)
        except Throttled as error:
            raise Throttled(error.call, quota=QuotaKind.STORAGE) from error

    world.gemini._check_storage = unnamed  # type: ignore[method-assign]  # this world only

    summary = sync_hourly(world)

    assert (reading(world).sizes, reading(world).cap) == (SizeOf.INPUT, None)
    assert refusals(world) == 1
    assert "of the 60 kB of tier3" in summary["message"]


def test_a_refusal_that_no_reading_explains_teaches_no_reading() -> None:
    """The stores of another key, or sizes that lag."""
    world = world_of(60_000, "sizes count the input", files=3)
    world.gemini.fail_next(
        "import_file",
        Throttled("gemini.import_file", quota=QuotaKind.STORAGE, storage_limit=60_000),
    )
    world.sync()
    later(world, 2 * HOUR)

    assert world.sync()["status"] == "completed"
    assert reading(world).sizes is None


def test_a_raw_file_that_is_refused_teaches_nothing_about_the_stores() -> None:
    world = world_of(60_000, "sizes count the input", files=3)
    world.gemini.fail_next("upload", Throttled("gemini.upload", quota=QuotaKind.STORAGE))
    world.sync()

    assert world.records.get(StorageReading, STORAGE).record is None
    hold = breaker_now(world).hold
    assert hold is not None
    assert hold.reason == "storage"


def test_a_dry_run_judges_by_what_was_learned_and_learns_nothing() -> None:
    world = world_of(60_000, "sizes count what the limit counts", files=45)
    world.sync()
    later(world, SECOND)
    world.put({"less.md": "x"})
    world.sync()
    later(world, SECOND)
    del world.documents._collections["meta"]["storage"]
    world.put({"more.md": "x" * 100})

    estimate = world.sync(dry_run=True)["estimate"]

    assert (estimate["storage_bytes"], estimate["storage_used"]) == (54_003, 54_003)
    assert "accepted" in estimate["storage_judged_by"]
    assert world.records.get(StorageReading, STORAGE).record is None


def test_near_the_limit_by_the_reading_in_force_people_are_warned(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    world = world_of(60_000, "sizes count the input", files=46)
    world.sync()
    later(world, SECOND)
    world.put({"more.md": "x"})

    summary = world.sync()

    assert summary["status"] == "completed"
    assert "55.2 kB of the 60 kB of tier3 (they report 18.4 kB" in summary["message"]
    assert logged(caplog, Event.STORAGE_NEAR_CAP)


def test_a_refusal_after_the_last_measurement_is_told_in_the_batchs_message() -> None:
    world = world_of(60_000, "sizes count the input", preset=10**9, files=80)
    batch = begun(world)
    play(world, lambda: refusals(world))

    closed = play_out(world, batch)

    assert closed.storage is not None
    assert closed.storage.used >= 57_600
    assert "judged by a refusal" in closed.message
