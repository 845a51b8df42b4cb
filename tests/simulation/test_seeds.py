"""Many runs with faults, each from its own seed: no invariant is broken.

The environment variable ``SEEDS`` sets their number; the default is a sample, and ``make simulate``
plays all.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.simulation import replayed

SEEDS = range(1, int(os.environ.get("SEEDS", "100")) + 1)

CHUNK = 10


@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_every_promise_is_kept(first: int) -> None:
    for seed in SEEDS[first - 1 : first - 1 + CHUNK]:
        replayed(seed)
