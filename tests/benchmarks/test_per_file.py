"""A new file costs no more documents than it did."""

from __future__ import annotations

import pytest

from tests.benchmarks.per_file import costs


@pytest.mark.parametrize(("tier", "writes", "reads"), [("tier1", 11.5, 13.0), ("tier3", 11.0, 9.0)])
def test_a_new_file_costs_few_documents_and_little_time(
    tier: str, writes: float, reads: float
) -> None:
    found = costs(tier, 60)

    assert found.writes <= writes
    assert found.reads <= reads
    assert found.billed <= 2.7  # the upload and the import themselves take 1.7
    assert found.calls <= 2.6  # two are the file's own
