"""Thousands of runs under trouble, each from its own seed: every promise is kept."""

from __future__ import annotations

import pytest

from tests.simulation.simulation import replayed

pytestmark = pytest.mark.simulation

SEEDS = range(1, 2001)

CHUNK = 50


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_every_promise_is_kept(first: int) -> None:
    for seed in range(first, first + CHUNK):
        replayed(seed)
