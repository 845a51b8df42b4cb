from __future__ import annotations

import pytest

from local.chaos.fault_rates import FaultRates
from local.chaos.run import Run

SHORT = FaultRates(
    replies_lost=0.5,
    errors_after_effect=0.5,
    operations_hung=0.0,  # an uncertain import is settled after two deadlines
    operations_failed=0.5,
    documents_recovering=0.5,
    documents_failed=0.5,
    kill_every=5.0,
    times=1,
)
"""All kinds of faults, early in the run: the last is settled within a minute."""


@pytest.mark.timeout(1500)
def test_a_small_library_is_indexed_once_whatever_happens() -> None:
    outcome = Run(seed=11, files=40, seconds=900, fault_rates=SHORT)()
    assert not outcome.broken, outcome.figures
    assert outcome.figures.kills
    assert outcome.figures.duplicates
    assert outcome.figures.replies_lost


@pytest.mark.chaos
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_library_is_indexed_once_whatever_happens(seed: int) -> None:
    outcome = Run(seed=seed, files=300, seconds=1200)()
    assert not outcome.broken, outcome.figures
