from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.gateways.clock import SystemClock
from shared.gateways.ports import Clock
from tests.twins.clock import ManualClock

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_manual_clock_stands_still_until_moved() -> None:
    clock = ManualClock(NOON)
    assert clock.now() == clock.now() == NOON
    assert clock.advance(timedelta(minutes=1)) == clock.now() == NOON + timedelta(minutes=1)


def test_waiting_on_a_manual_clock_moves_it() -> None:
    clock = ManualClock(NOON)
    clock.sleep(1.5)
    assert clock.now() == NOON + timedelta(seconds=1.5)


def test_a_manual_clock_can_be_set_back_but_not_advanced_backwards() -> None:
    clock = ManualClock(NOON)
    clock.set(NOON - timedelta(days=1))
    assert clock.now() == NOON - timedelta(days=1)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(timedelta(seconds=-1))


def test_a_manual_clock_speaks_utc() -> None:
    clock = ManualClock(NOON.astimezone(timezone(timedelta(hours=2))))
    assert clock.now().tzinfo is UTC
    with pytest.raises(ValueError, match="zone"):
        clock.set(NOON.replace(tzinfo=None))


def test_the_system_clock_speaks_utc_and_goes_on() -> None:
    clock: Clock = SystemClock()
    before = clock.now()
    clock.sleep(0)
    assert before.tzinfo is UTC
    assert clock.now() >= before
