from __future__ import annotations

import random

from local.cloud_tasks.queue.schedule import Schedule


def emptied(schedule: Schedule) -> list[str]:
    return [schedule.pop() for _ in range(len(schedule))]


def test_names_come_in_the_order_of_their_time_and_then_as_put() -> None:
    schedule = Schedule()
    for name, due in [("c", 3), ("a", 1), ("b2", 2), ("b1", 2)]:
        schedule.put(name, due)
    assert schedule.first_due() == 1
    assert emptied(schedule) == ["a", "b2", "b1", "c"]
    assert schedule.first_due() is None


def test_a_moved_name_comes_once_at_its_new_time() -> None:
    schedule = Schedule()
    schedule.put("a", 1)
    schedule.put("b", 2)
    schedule.put("a", 3)
    assert schedule.first_due() == 2
    assert emptied(schedule) == ["b", "a"]


def test_a_discarded_name_does_not_come() -> None:
    schedule = Schedule()
    schedule.put("a", 1)
    schedule.put("b", 2)
    schedule.discard("a")
    schedule.discard("never there")
    assert emptied(schedule) == ["b"]


def test_stale_entries_do_not_pile_up() -> None:
    schedule = Schedule()
    for round_number in range(10_000):
        schedule.put("a", round_number)
        schedule.put("b", round_number)
        schedule.discard("b")
    assert len(schedule._heap) < 100
    assert emptied(schedule) == ["a"]


def test_any_mix_of_changes_agrees_with_a_sorted_list() -> None:
    chance = random.Random(7)  # noqa: S311 - chooses test data
    schedule, expected = Schedule(), dict[str, float]()
    for _ in range(5000):
        name = str(chance.randrange(300))
        if chance.random() < 0.7:
            expected[name] = chance.random()
            schedule.put(name, expected[name])
        else:
            expected.pop(name, None)
            schedule.discard(name)
    assert emptied(schedule) == sorted(expected, key=expected.__getitem__)
