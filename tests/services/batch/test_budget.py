"""The deployment's limits: what a quota day may cost, and how many imports a sync may begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.domain.errors import BadRequest, QuotaKind, Refused
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import FileStatus
from shared.domain.throttle.holds import next_quota_reset, quota_day_began
from shared.domain.throttle.tiers import tier_named
from shared.gateways.database import queries
from shared.gateways.ports import Query
from shared.services.events import Event
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    Crash,
    batch_now,
    begun,
    invalid,
    later,
    logged,
    lost,
    play,
    play_for,
    play_out,
    throttled,
    world_with,
)
from tests.world import World, rules

FILE = "x" * 8000
"""A file of 2,000 tokens, which costs 0.0003 dollars."""

COST = 0.0003


def library(files: int, **limits: Any) -> World:
    world = World(rules(**limits))
    world.put({f"{n:03d}.md": f"{n:03d}" + FILE[3:] for n in range(files)})
    return world


def entries(world: World) -> list[LedgerEntry]:
    found = world.records.query(LedgerEntry, Query("operations"))
    return [each.present for each in found]


def spent_today(world: World) -> float:
    began = quota_day_began(world.clock.now())
    return sum(each.cost or 0.0 for each in entries(world) if each.created_at >= began)


def next_day(world: World) -> None:
    later(world, next_quota_reset(world.clock.now()) - world.clock.now() + MINUTE)


def limited(world: World, **changes: Any) -> None:
    """Deploy other limits."""
    world.use(world.context_with(**changes))


def adding_up(world: World) -> list[datetime]:
    """The times at which all that waits is added up, from now on."""
    times: list[datetime] = []
    sums = world.documents.sums

    def noted(query: Query, names: Sequence[str]) -> dict[str, float]:
        if query == queries.to_import():
            times.append(world.clock.now())
        return sums(query, names)

    world.documents.sums = noted  # type: ignore[method-assign]  # this world only
    return times


# --- what a day may cost ----------------------------------------------------------------------


@pytest.mark.parametrize("trigger", ["http", "scheduler"])
def test_a_day_imports_as_much_as_it_may_cost_and_the_rest_waits(trigger: str) -> None:
    world = library(10, max_cost_per_day=4 * COST)

    summary = world.sync(trigger=trigger)

    assert summary["status"] == "deferred"
    assert summary["indexed"] == 4
    assert spent_today(world) == pytest.approx(4 * COST)
    assert world.gemini.calls["upload"] == 4
    waiting = [each for each in world.files() if each.status is FileStatus.PENDING]
    assert len(waiting) == 6


def test_what_waits_is_added_up_every_other_minute_while_there_is_more_to_spare() -> None:
    world = library(100, max_cost_per_day=300 * COST, tier=tier_named("tier1"))
    times = adding_up(world)

    assert world.sync()["indexed"] == 100

    apart = [after - before for before, after in pairwise(times)]
    assert min(apart[2:-1]) >= 2 * MINUTE  # beyond the scan, and before the end
    assert len(times) <= 10  # in more than ten minutes


def test_what_waits_is_added_up_again_once_the_imports_exceed_what_was_to_spare() -> None:
    world = library(100, max_cost_per_day=101 * COST, tier=tier_named("tier1"))
    times = adding_up(world)

    assert world.sync()["indexed"] == 100

    assert any(after - before <= MINUTE for before, after in pairwise(times[2:-1]))


def test_the_summary_shows_the_hold_with_its_end_and_what_is_left() -> None:
    world = library(10, max_cost_per_day=4 * COST)

    summary = world.sync()

    assert summary["hold"] == {
        "reason": "budget",
        "until": next_quota_reset(world.clock.now()).isoformat(),
    }
    budget = summary["budget"]
    assert budget["limit"] == pytest.approx(4 * COST)
    assert budget["spent"] == pytest.approx(4 * COST)
    assert budget["cost"] == pytest.approx(6 * COST)
    assert (budget["files"], budget["currency"], budget["alone"]) == (6, "USD", "")
    assert summary["estimated_cost"] == pytest.approx(4 * COST)
    assert "MAX_COST_PER_DAY" in summary["message"]
    assert "6 files" in summary["message"]


def test_each_quota_day_continues_until_all_is_imported() -> None:
    world = library(10, max_cost_per_day=4 * COST)

    indexed = []
    for _ in range(3):
        indexed.append(world.sync()["indexed"])
        next_day(world)

    assert indexed == [4, 4, 2]
    assert world.sync()["status"] == "completed"
    assert len(world.store_documents()) == 10


def test_a_second_sync_of_the_day_imports_nothing_more() -> None:
    world = library(10, max_cost_per_day=4 * COST)
    world.sync()
    later(world, HOUR)

    again = world.sync()

    assert (again["status"], again["indexed"], again["hold"]["reason"]) == ("deferred", 0, "budget")
    assert world.gemini.imports == 4


def test_the_hold_is_logged_once_for_an_alert(caplog: pytest.LogCaptureFixture) -> None:
    world = library(10, max_cost_per_day=4 * COST)
    world.sync()

    (reached,) = logged(caplog, Event.BUDGET_REACHED)
    assert (reached["files"], reached["limit"]) == (6, 4 * COST)


def test_a_higher_limit_ends_the_hold_at_the_next_tick_of_the_same_sync() -> None:
    world = library(6, max_cost_per_day=2 * COST)
    world.gemini.import_latency = 30 * MINUTE
    batch = begun(world)
    play_for(world, 10 * MINUTE)  # the hold stands, and the sync waits for what was sent
    assert world.report.batch(batch.batch_id)["hold"]["reason"] == "budget"  # type: ignore[index]

    limited(world, max_cost_per_day=6 * COST)
    play_for(world, 3 * MINUTE)

    assert world.gemini.imports == 6
    assert batch_now(world, batch).hold is None
    assert play_out(world, batch).status == "completed"


def test_a_lower_limit_stops_what_is_not_planned_yet() -> None:
    world = library(40, max_cost_per_day=1.0, tier=tier_named("tier1"))
    batch = begun(world)
    play_for(world, 2 * MINUTE)
    sent = world.gemini.imports
    limited(world, max_cost_per_day=COST)

    assert play_out(world, batch).status == "deferred"
    assert sent < world.gemini.imports + 1 <= sent + 50
    assert world.gemini.imports < 40


def test_smaller_files_pass_one_that_does_not_fit_any_more() -> None:
    world = World(rules(max_cost_per_day=3 * COST))
    world.put({"a.md": "a" * 8000})
    world.sync()
    later(world, HOUR)
    world.put({"b.md": "b" * 20_000, "c.md": "c" * 8000})

    world.sync()

    assert world.stored_paths() == ["a.md", "c.md"]
    next_day(world)
    assert world.sync()["status"] == "completed"


def test_the_default_is_the_tiers_full_rate_of_files_of_2000_tokens() -> None:
    settings = rules(tier=tier_named("tier1")).settings
    assert settings.cost_per_day == pytest.approx(10 * 60 * 24 * COST)
    assert rules(tier=tier_named("free")).settings.cost_per_day == pytest.approx(50 * COST)


def test_nothing_is_unlimited_by_default() -> None:
    world = World(rules(tier=tier_named("tier1")))
    world.put({f"{n}.md": f"{n}" * 30_000_000 for n in range(3)})  # 1.125 dollars each: 4.32 a day
    world.put({"z.md": "z" * 40_000_000})

    summary = world.sync()

    assert summary["hold"]["reason"] == "budget"
    assert spent_today(world) <= 4.32


# --- what counts ------------------------------------------------------------------------------


def test_an_import_of_unknown_outcome_counts() -> None:
    world = library(3, max_cost_per_day=3 * COST)
    world.gemini.fail_next("import_file", lost())  # it had no effect, which nobody can know

    summary = world.sync()

    assert summary["indexed"] == 2
    assert spent_today(world) == pytest.approx(3 * COST)


@pytest.mark.parametrize(
    "refusal",
    [
        throttled(),
        BadRequest("gemini.import_file", code=400, status="FAILED_PRECONDITION"),
        invalid(),
    ],
    ids=["429", "not ready", "invalid"],
)
def test_an_import_that_was_refused_for_certain_costs_nothing(refusal: Exception) -> None:
    world = library(3, max_cost_per_day=3 * COST)
    world.gemini.fail_next("import_file", refusal)

    world.sync()

    taken = [each for each in entries(world) if not each.refused]
    assert len(taken) == world.gemini.imports
    assert spent_today(world) == pytest.approx(len(taken) * COST)
    (refused,) = [each for each in entries(world) if each.refused]
    assert (refused.cost, refused.tokens) == (0.0, 2000)


def test_an_import_that_is_refused_is_sent_again_within_the_limit() -> None:
    world = library(3, max_cost_per_day=3 * COST)
    world.gemini.fail_next("import_file", throttled())

    assert world.sync()["indexed"] == 3


def test_a_failed_document_counts() -> None:
    world = library(2, max_cost_per_day=2 * COST)
    world.gemini.fail_next("import_file", lost(), after_effect=True)

    world.sync()

    assert world.gemini.imports == 2
    assert spent_today(world) == pytest.approx(2 * COST)


def test_imports_of_the_last_quota_day_do_not_count() -> None:
    world = library(4, max_cost_per_day=4 * COST)
    world.sync()
    next_day(world)
    world.put({f"{n:03d}.md": f"{n:03d} changed" + FILE[11:] for n in range(4)})

    assert world.sync()["indexed"] == 4


# --- files that cost more than a day may ------------------------------------------------------


def test_a_file_dearer_than_the_limit_goes_first_and_alone_on_a_fresh_day() -> None:
    world = library(3, max_cost_per_day=4 * COST)
    world.put({"zz.md": "z" * 80_000})

    summary = world.sync()

    assert world.stored_paths() == ["zz.md"]
    assert summary["status"] == "deferred"
    next_day(world)
    assert world.sync()["status"] == "completed"


def test_others_pass_a_dear_file_on_a_day_that_is_not_fresh_and_it_is_named() -> None:
    world = library(2, max_cost_per_day=4 * COST)
    world.sync()
    world.put({"aa.md": "a" * 80_000, "zz.md": "z" * 8000})

    summary = world.sync()

    assert world.stored_paths() == ["000.md", "001.md", "zz.md"]
    assert summary["budget"]["alone"] == "aa.md"
    assert "'aa.md' costs more than a whole day may" in summary["message"]
    next_day(world)
    assert world.sync()["status"] == "completed"
    assert "aa.md" in world.stored_paths()


def test_dear_files_and_others_take_turns() -> None:
    world = library(2, max_cost_per_day=4 * COST)
    world.put({"y.md": "y" * 80_000, "z.md": "z" * 90_000})
    days = []
    for _ in range(3):
        before = set(world.stored_paths())
        world.sync()
        days.append(sorted(set(world.stored_paths()) - before))
        next_day(world)

    assert sorted(map(len, days)) == [1, 1, 2]
    assert days[1] == ["000.md", "001.md"]


def test_a_dear_file_that_was_refused_is_tried_again_on_the_same_fresh_day() -> None:
    world = World(rules(max_cost_per_day=4 * COST))
    world.put({"big.md": "b" * 80_000})
    world.gemini.fail_next("import_file", throttled(retry_after=20 * MINUTE))

    assert world.sync()["status"] == "completed"


def test_a_dear_file_that_does_not_fit_into_the_store_waits_for_storage_and_others_pass() -> None:
    tier = replace(tier_named("tier3"), storage_bytes=100_000)
    world = library(2, max_cost_per_day=4 * COST, tier=tier)
    world.put({"big.md": "b" * 80_000})

    summary = world.sync()

    assert world.stored_paths() == ["000.md", "001.md"]
    assert summary["status"] == "deferred"


# --- imports of a sync ------------------------------------------------------------------------


def test_a_sync_begins_no_more_imports_than_it_may_and_the_next_one_continues() -> None:
    world = library(5, max_imports_per_sync=2)

    first = world.sync()

    assert (first["status"], first["indexed"]) == ("deferred", 2)
    assert first["budget"]["max_imports"] == first["budget"]["imports"] == 2
    assert "MAX_IMPORTS_PER_SYNC=2" in first["message"]
    later(world, MINUTE)
    assert world.sync()["indexed"] == 2
    later(world, MINUTE)
    assert world.sync()["status"] == "completed"


def test_a_refused_import_is_not_counted_for_the_sync() -> None:
    world = library(2, max_imports_per_sync=2)
    world.gemini.fail_next("import_file", throttled())

    assert world.sync()["indexed"] == 2


# --- refusals, and other models ---------------------------------------------------------------


def test_a_requests_limits_refuse_as_before() -> None:
    world = library(5, max_cost_per_day=2 * COST)

    assert world.sync(max_imports=3)["status"] == "refused"
    assert world.gemini.imports == 0


def test_a_limit_needs_a_price() -> None:
    given = rules(max_cost_per_day=1.0, embedding_model="models/gemini-embedding-9")
    world = world_with(given=given)

    with pytest.raises(Refused, match=r"MAX_COST_PER_DAY needs the price"):
        begun(world)


def test_without_a_price_there_is_no_default_limit() -> None:
    world = world_with(given=rules(embedding_model="models/gemini-embedding-9"))

    assert world.sync(max_imports=1)["budget"] is None


def test_without_a_price_somebody_must_say_how_much_may_be_imported() -> None:
    world = world_with(given=rules(embedding_model="models/gemini-embedding-9"))

    with pytest.raises(Refused, match=r"price of 'models/gemini-embedding-9' is not known"):
        begun(world)
    assert world.sync(dry_run=True)["estimate"]["files"] == 1
    assert world.sync(max_imports=1)["indexed"] == 1

    bounded = rules(embedding_model="models/gemini-embedding-9", max_imports_per_sync=1)
    assert world_with(given=bounded).sync()["indexed"] == 1


# --- what is under way goes on ----------------------------------------------------------------


def test_polls_and_deletions_go_on_while_the_budget_holds() -> None:
    world = library(3, max_cost_per_day=3 * COST)
    world.sync()
    later(world, HOUR)
    world.bucket.delete("000.md")
    world.put({"new.md": "new" + FILE})

    summary = world.sync()

    assert (summary["status"], summary["deleted"]) == ("deferred", 1)


def test_a_day_that_is_spent_at_the_service_is_told_as_such() -> None:
    world = library(3, max_cost_per_day=3 * COST)
    world.gemini.fail_next("import_file", throttled(quota=QuotaKind.DAY))

    assert world.sync()["hold"]["reason"] == "day"


def test_an_uploaded_file_of_yesterday_is_imported_within_todays_limit() -> None:
    world = library(3, max_cost_per_day=2 * COST)
    world.gemini.file_latency = 2 * MINUTE
    batch = begun(world)
    play(world, lambda: FileStatus.UPLOADED in [each.status for each in world.files()])
    limited(world, max_cost_per_day=0.00001)
    play_out(world, batch)
    later(world, timedelta(hours=1))
    limited(world, max_cost_per_day=2 * COST)

    world.sync()

    assert world.gemini.imports == 2
    assert spent_today(world) <= 2 * COST + 1e-9


# --- the dry run ------------------------------------------------------------------------------


def test_a_dry_run_tells_over_how_many_days_the_budget_spreads_the_work() -> None:
    world = library(10, max_cost_per_day=4 * COST, max_imports_per_sync=3)

    estimate = world.sync(dry_run=True)["estimate"]

    assert (estimate["budget_days"], estimate["syncs"]) == (3, 4)
    assert estimate["cost_per_day"] == estimate["cost_left_today"] == 4 * COST


def test_a_dry_run_knows_what_today_has_cost() -> None:
    world = library(10, max_cost_per_day=4 * COST)
    world.sync()
    later(world, HOUR)

    estimate = world.sync(dry_run=True)["estimate"]

    assert estimate["cost_left_today"] == pytest.approx(0.0)
    assert estimate["budget_days"] == 3
    later(world, DAY)
    assert world.sync(dry_run=True)["estimate"]["budget_days"] == 2


def test_an_interrupted_upload_that_does_not_fit_does_not_keep_the_sync_open() -> None:
    world = library(1, max_cost_per_day=3 * COST)
    world.sync()
    later(world, MINUTE)
    world.put({"a.md": "a" * 8000, "b.md": "b" * 8000})
    for _ in range(2):
        world.gemini.fail_next("upload", Crash())
    batch = begun(world)
    play(world, lambda: world.gemini.calls["upload"] == 3)
    world.control.pause(batch.batch_id)  # so the uploads are not sent again but wait for slots
    play_for(world, 20 * MINUTE)
    limited(world, max_cost_per_day=COST)
    world.control.resume(batch.batch_id)

    assert play_out(world, batch).status == "deferred"
    assert world.clock.now() - (batch.created_at or world.clock.now()) < 2 * HOUR
    assert FileStatus.UPLOADING in [each.status for each in world.files()]
    assert world.gemini.imports == 1
