from __future__ import annotations

from typing import Any

from shared.page.charts import (
    BAR,
    HEIGHT,
    LEAST,
    SLOTS,
    STEP,
    cost_chart,
    files_chart,
    runs,
    window_paths,
)


def run(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "completed_at": f"2026-01-{number + 1:02d}", "dry_run": False, "indexed": number,
        "deleted": 0, "failed": 0, "duration_seconds": 1.0, "estimated_cost": 0.0, **changes,
    }  # fmt: skip


def test_the_thirty_latest_runs_are_charted_with_the_newest_last() -> None:
    newest_first = [run(n) for n in range(40, 0, -1)]
    newest_first.insert(0, run(50, completed_at=None))
    newest_first.insert(1, run(51, dry_run=True))

    shown = runs(newest_first)

    assert [each["indexed"] for each in shown] == list(range(11, 41))
    assert len(shown) == SLOTS


def test_bars_are_in_proportion_and_the_smallest_can_be_seen() -> None:
    chart = files_chart([run(0), run(1), run(500), run(1000)])

    assert chart.most == 1000
    assert [bar.height for bar in chart.bars] == [LEAST, HEIGHT / 2, HEIGHT]
    right = SLOTS * STEP
    assert chart.bars[-1].x + BAR + (STEP - BAR) / 2 == right, "few runs stand at the right"
    assert all(bar.y + bar.height == HEIGHT for bar in chart.bars)


def test_failures_stand_on_top_of_what_was_done() -> None:
    done, failed = files_chart([run(6, failed=2)]).bars
    assert (done.kind, failed.kind) == ("done", "failed")
    assert failed.y + failed.height == done.y
    assert done.height + failed.height == HEIGHT


def test_runs_that_cost_nothing_have_no_bars() -> None:
    assert cost_chart([run(1), run(2)]).bars == ()
    assert cost_chart([]).most == 0


def test_the_window_shows_the_newest_request_at_the_right_and_429s_apart() -> None:
    entry = {"at": None, "call": ""}
    window = [{**entry, "outcome": each} for each in ("throttled", "success", "success")]

    (_, passed), (_, refused) = window_paths(window)

    assert refused == "M396 0h3v24h-3z"
    assert passed == "M392 10h3v14h-3zM388 10h3v14h-3z"
