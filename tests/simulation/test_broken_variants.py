"""The simulation finds every deliberately broken variant, by an invariant that it breaks."""

from __future__ import annotations

import os

import pytest

from tests.simulation.broken_variants import Mutation
from tests.simulation.seed_search import MUTATIONS, finds

SEEDS = range(1, 2001)
"""Seeds that are played in the tests of every change."""

LONG_RUN = 50_000
"""A run of so many seeds looks for those that find a variant for which none is known."""


@pytest.mark.simulation
@pytest.mark.timeout(7200)  # if its known seed no longer finds it, all seeds are played
@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_a_broken_variant_is_found(mutation: Mutation) -> None:
    if not mutation.seed and int(os.environ.get("SEEDS", "0")) < LONG_RUN:
        pytest.skip(f"no seed is known that finds it; a run with SEEDS={LONG_RUN} looks for one")
    for owner, name in mutation.patches:
        assert hasattr(owner, name)
        assert name.endswith("__") or not name.startswith("_"), "only what others may use is broken"

    assert any(finds(seed, mutation) for seed in (mutation.seed, *SEEDS))
