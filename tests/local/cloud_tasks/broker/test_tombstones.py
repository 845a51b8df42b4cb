from __future__ import annotations

from local.cloud_tasks.broker.tombstones import Tombstones


def test_a_name_is_taken_for_the_duration_and_free_afterwards() -> None:
    tombstones = Tombstones(60)
    assert not tombstones.holds("a", 0)
    assert tombstones.add("a", 100) == 160
    assert tombstones.holds("a", 159.9)
    assert not tombstones.holds("a", 160)


def test_without_a_duration_names_are_free_at_once() -> None:
    tombstones = Tombstones(0)
    tombstones.add("a", 100)
    assert not tombstones.holds("a", 100)


def test_a_sweep_forgets_what_expired_so_memory_stays_bounded() -> None:
    tombstones = Tombstones(60)
    for second in range(1000):
        tombstones.add(str(second), second)
        tombstones.sweep(second)
    assert len(tombstones) == 60


def test_a_name_added_again_is_taken_from_the_second_time() -> None:
    tombstones = Tombstones(60)
    tombstones.add("a", 0)
    tombstones.add("b", 10)
    tombstones.add("a", 50)
    assert tombstones.sweep(70) == 1
    assert tombstones.holds("a", 109)
