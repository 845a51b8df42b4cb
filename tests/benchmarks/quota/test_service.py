from __future__ import annotations

import asyncio
import random

import pytest

from tests.benchmarks.quota.scripts import Client, programs
from tests.benchmarks.quota.service import DAY, HOUR, Behaviour, QuotaService, Refusal, Span
from tests.benchmarks.quota.virtual_loop import play

SIX = [(0.0, 6.0)]
NINE = 9 * HOUR


def admitted(service: QuotaService, *times: float) -> list[Refusal | None]:
    return [service.refusal("upload", at) for at in times]


def test_as_many_as_the_rate_are_admitted_in_any_minute_and_refused_ones_use_nothing() -> None:
    service = QuotaService(Behaviour([(0.0, 2.0)]), NINE)

    found = admitted(service, 0, 30, 59, 59.9, 60, 61, 90)

    assert found == [None, None, Refusal.RATE, Refusal.RATE, None, Refusal.RATE, None]
    assert service.share_refused(0) == pytest.approx(3 / 7)


def test_a_day_ends_at_eight_in_utc() -> None:
    service = QuotaService(Behaviour(SIX, a_day=1), NINE)

    assert admitted(service, 0, 10, 23 * HOUR - 1, 23 * HOUR, 23 * HOUR + 1) == [
        None,
        Refusal.DAY,
        Refusal.DAY,
        None,
        Refusal.DAY,
    ]


def test_a_storm_refuses_every_call_and_a_burst_the_metered_ones() -> None:
    service = QuotaService(Behaviour(SIX, bursts=[Span(0, 10)], storms=[Span(20, 30)]), NINE)

    assert [service.refusal("get", at) for at in (5, 25)] == [None, Refusal.UNAVAILABLE]
    assert [service.refusal("upload", at) for at in (5, 15, 25)] == [
        Refusal.RATE,
        None,
        Refusal.UNAVAILABLE,
    ]


@pytest.mark.parametrize(
    ("behaviour", "seconds", "capacity"),
    [
        (Behaviour(SIX), 600, 60),
        (Behaviour([(0.0, 6.0), (300.0, 3.0)]), 600, 45),
        (Behaviour(SIX, bursts=[Span(0, 10)], storms=[Span(590, 700)]), 600, 58),
        (Behaviour(SIX, a_day=100), DAY, 200),
        (Behaviour(SIX, a_day=100), 22 * HOUR, 100),
    ],
    ids=["steady", "halved", "interrupted", "two days", "a day"],
)
def test_the_capacity_is_what_could_be_admitted(
    behaviour: Behaviour, seconds: float, capacity: float
) -> None:
    assert behaviour.capacity(0, seconds, NINE) == pytest.approx(capacity)


@pytest.mark.parametrize("name", programs(1))
def test_each_script_indexes_files_while_the_service_admits_them(name: str) -> None:
    client = Client(QuotaService(Behaviour([(0.0, 60.0)]), NINE))
    random.seed(1)

    chance = random.Random(1)  # noqa: S311 - repeatable, not secret
    play(programs(60)[name](client, chance), HOUR)

    assert 200 <= len(client.indexed) <= 1800
    assert client.indexed == sorted(client.indexed)


def test_virtual_time_passes_as_it_is_waited_for() -> None:
    seen: list[float] = []

    async def program() -> None:
        for _ in range(3):
            await asyncio.sleep(HOUR)
            seen.append(asyncio.get_running_loop().time())

    play(program(), 2.5 * HOUR)

    assert seen == [HOUR, 2 * HOUR]
