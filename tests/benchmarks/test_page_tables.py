from __future__ import annotations

import pytest

from tests.benchmarks.report.page_tables import TABLES
from tests.docs.markdown import Page


@pytest.mark.parametrize(("page", "heading"), TABLES)
def test_the_page_has_what_was_measured(page: str, heading: str) -> None:
    """Where it hasn't: make docs."""
    assert Page.read(f"docs/{page}").table(heading) == TABLES[page, heading]()
