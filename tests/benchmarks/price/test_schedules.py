from __future__ import annotations

from tests.benchmarks.price import schedules
from tests.docs.markdown import Page


def test_the_page_has_what_schedules_cost() -> None:
    """Where it hasn't: python -m tests.benchmarks.price.schedules."""
    assert Page.read("docs/limits.md").table("## What a schedule costs") == schedules.rows()
