"""What the command says of money: the cost of a sync, the limits, and what a dry run estimates."""

from __future__ import annotations

from typing import Any

from local.fss.report.dry_run import dry_run_lines
from local.fss.report.summary import summary_text
from tests.services.story import DAY, later
from tests.world import World, rules

PRICE_OF_A_FILE = 0.0003


def world_of(files: int, **limits: Any) -> World:
    world = World(rules(**limits))
    world.put({f"{n}.md": f"{n}" + "x" * 7999 for n in range(files)})
    return world


def test_a_summary_tells_the_cost_the_limit_and_what_is_left() -> None:
    summary = world_of(5, max_cost_per_day=2 * PRICE_OF_A_FILE, max_imports_per_sync=9).sync()

    text = summary_text(summary)

    assert "cost     0.00060 USD, as estimated" in text
    assert "budget   0.00060 of 0.00060 USD today, 2 of 9 imports of this sync; 3 files" in text


def test_a_summary_of_a_sync_that_had_nothing_to_do_says_nothing_of_money() -> None:
    world = world_of(1)
    world.sync()
    later(world, DAY)

    text = summary_text(world.sync())

    assert "cost" not in text
    assert "budget" not in text


def test_a_dry_run_tells_over_how_many_days_and_syncs_the_work_is_spread() -> None:
    world = world_of(5, max_cost_per_day=2 * PRICE_OF_A_FILE, max_imports_per_sync=3)

    estimate = world.sync(dry_run=True)["estimate"]

    text = "\n".join(dry_run_lines(estimate, {}))
    assert "spread over 3 days and 2 syncs" in text
    assert "0.00060 of 0.00060 USD a day are left today" in text


def test_a_dry_run_tells_the_price_of_a_small_change_of_metadata() -> None:
    world = world_of(1)
    world.sync()
    later(world, DAY)
    world.put({"0.md.meta.json": '{"a": 1}'})

    estimate = world.sync(dry_run=True)["estimate"]

    text = "\n".join(dry_run_lines(estimate, {}))
    assert "0.00030 USD of it for 1 file whose metadata alone changed" in text
