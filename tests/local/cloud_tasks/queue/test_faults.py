from __future__ import annotations

import pytest

from local.cloud_tasks.queue.faults import Faults

TASKS = [f"task-{number}" for number in range(4000)]


def test_by_default_nothing_goes_wrong() -> None:
    faults = Faults()
    assert not any(
        faults.duplicates(task, 1) or faults.loses(task) or faults.lateness(task, 1)
        for task in TASKS
    )


def test_a_fraction_meets_about_that_part_of_the_tasks() -> None:
    faults = Faults(duplicate_fraction=0.25, delay_fraction=0.25, delay=3, lose_fraction=0.25)
    for met in (
        sum(faults.duplicates(task, 1) for task in TASKS),
        sum(faults.loses(task) for task in TASKS),
        sum(faults.lateness(task, 1) == 3 for task in TASKS),
    ):
        assert 850 < met < 1150


def test_the_seed_decides_whom_it_meets() -> None:
    first = [Faults(seed=1, lose_fraction=0.5).loses(task) for task in TASKS]
    assert first == [Faults(seed=1, lose_fraction=0.5).loses(task) for task in TASKS]
    assert first != [Faults(seed=2, lose_fraction=0.5).loses(task) for task in TASKS]


def test_everything_is_met_at_one() -> None:
    assert all(Faults(lose_fraction=1).loses(task) for task in TASKS)


def test_changes_keep_the_other_values() -> None:
    changed = Faults(seed=4).updated({"delay": 2})
    assert (changed.seed, changed.delay) == (4, 2)


@pytest.mark.parametrize(
    "changes",
    [
        [],
        {"loose_fraction": 1},
        {"lose_fraction": 1.1},
        {"delay": -1},
        {"delay": float("nan")},
        {"delay": "1"},
        {"lose_fraction": True},
        {"seed": 1.5},
    ],
)
def test_bad_changes_are_refused(changes: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Faults().updated(changes)
