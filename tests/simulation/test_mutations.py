"""The simulation finds every deliberately broken variant, by the promise that it breaks."""

from __future__ import annotations

import pytest

from tests.simulation.invariants import Violation
from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.simulation import Simulation
from tests.simulation.test_seeds import SEEDS

pytestmark = pytest.mark.simulation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_broken_variant_is_found(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    for (owner, name), broken in mutation.patches.items():
        monkeypatch.setattr(owner, name, broken)
    for seed in SEEDS:
        try:
            Simulation(seed).run()
        except Violation as violation:
            if violation.invariant in mutation.invariants:
                return
    pytest.fail(f"{len(SEEDS)} seeds did not find {mutation.name}")
