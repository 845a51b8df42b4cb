from __future__ import annotations

from tests.benchmarks.report import cost_table
from tests.docs.markdown import Page


def test_the_page_has_what_a_new_file_costs() -> None:
    """Where it hasn't: make docs."""
    assert Page.read("docs/deploy.md").table(cost_table.HEADING) == cost_table.rows()
