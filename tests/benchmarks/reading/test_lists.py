"""No page of a list costs more reads than it has room for, however many records there are."""

from __future__ import annotations

import pytest

from shared.services.report.report import Report
from tests.benchmarks.reading.lists import LIMIT, filled, lists, look, pages
from tests.twins.documents import MemoryDocuments

RECORDS = 3_000
"""Files, and batches; the benchmark has 20,000."""

COUNTS = 16
"""Reads for the figures of the one batch of a page that is not over, with so many files."""

Filled = tuple[MemoryDocuments, Report, str]


@pytest.fixture(scope="module")
def thousands() -> Filled:
    return filled(RECORDS)


def test_every_page_of_every_list_reads_at_most_its_limit_and_its_token(thousands: Filled) -> None:
    documents, report, batch_id = thousands

    for name, read in lists(report, batch_id).items():
        found = [*pages(documents, read)]
        expected = RECORDS // 4 if "status" in name or "failures" in name else RECORDS
        assert sum(page.rows for page in found) == expected, name
        most = LIMIT + 1 + (COUNTS if name == "/batches" else 0)
        assert max(page.reads for page in found) <= most, name


def test_a_look_at_a_running_batch_reads_at_most_what_operations_md_says(thousands: Filled) -> None:
    documents, report, batch_id = thousands

    assert look(documents, report, batch_id).reads <= 230
