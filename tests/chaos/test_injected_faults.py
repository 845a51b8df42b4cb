from __future__ import annotations

import pytest

from local.chaos.fault_rates import FaultRates
from local.chaos.run import Run
from local.stack.options import FirestoreKind
from tests.emulator import needs_emulator

__all__ = ["needs_emulator"]

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
    assert set(outcome.figures.database or ()) == {"UNAVAILABLE", "ABORTED", "DEADLINE_EXCEEDED"}


@pytest.mark.chaos
@pytest.mark.timeout(1500)
@pytest.mark.usefixtures("needs_emulator")
def test_on_the_emulator_all_faults_but_those_of_the_database_are_injected() -> None:
    outcome = Run(
        seed=12, files=40, seconds=900, fault_rates=SHORT, firestore=FirestoreKind.EMULATOR
    )()
    assert not outcome.broken, outcome.figures
    assert outcome.figures.replies_lost
    assert "no faults of Firestore: Google's emulator can inject none" in str(outcome.figures)
