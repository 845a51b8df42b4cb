from __future__ import annotations

from datetime import date

import pytest

from shared.domain.estimate.backlog import Backlog, refusals
from shared.domain.estimate.prices import Price

PRICE = Price("gemini-embedding-001", 0.15, "USD", date(2026, 10, 7))
WORK = Backlog(uploads=300, bytes=40_000_000, tokens=10_000_000)  # 1.50 USD


def said(max_imports: int | None = None, cost: float | None = None) -> list[str]:
    return refusals(WORK, max_imports=max_imports, max_estimated_cost=cost, price=PRICE)


def test_without_a_guard_nothing_is_refused() -> None:
    assert said() == []


@pytest.mark.parametrize(("bound", "refused"), [(299, True), (300, False)])
def test_the_number_of_files_is_bounded(bound: int, *, refused: bool) -> None:
    assert bool(said(max_imports=bound)) is refused


@pytest.mark.parametrize(("bound", "refused"), [(1.49, True), (1.5, False), (1.51, False)])
def test_the_estimated_cost_is_bounded(bound: float, *, refused: bool) -> None:
    assert bool(said(cost=bound)) is refused


def test_a_refusal_has_the_figures_the_date_of_the_price_and_what_would_allow_it() -> None:
    (refusal,) = said(cost=1)
    for figure in ("300 files", "40 MB", "10000000 tokens", "1.50 USD", "2026-10-07"):
        assert figure in refusal
    assert "at least 1.50" in refusal


def test_every_guard_has_its_say() -> None:
    assert len(said(max_imports=0, cost=0.01)) == 2


def test_a_bound_on_a_cost_that_nobody_knows_lets_nothing_pass() -> None:
    assert refusals(WORK, max_imports=None, max_estimated_cost=99, price=None)
