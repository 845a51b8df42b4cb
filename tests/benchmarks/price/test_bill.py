"""A new file costs no more documents, tasks and time than it did."""

from __future__ import annotations

import pytest

from tests.benchmarks.price.bill import bill


@pytest.mark.parametrize(("tier", "writes", "reads"), [("tier1", 10.0, 8.5), ("tier3", 10.0, 7.0)])
def test_a_new_file_costs_few_documents_and_little_time(
    tier: str, writes: float, reads: float
) -> None:
    found = bill(tier, 2_000, 150)

    assert found.amount("writes") <= writes
    assert found.amount("reads") <= reads
    assert found.amount("requests") <= 2.6  # two are the file's own
    assert found.amount("seconds of upload") <= 2.9  # its upload and its import wait 1.7
