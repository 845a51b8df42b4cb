from __future__ import annotations

from datetime import date

import pytest

from shared.domain.batch import guards
from shared.domain.batch.guards import deletion_cap
from shared.domain.errors import Refused
from shared.domain.estimate.backlog import Backlog
from shared.domain.estimate.prices import Price

PRICE = Price("gemini-embedding-001", 0.15, "USD", date(2026, 10, 7))
WORK = Backlog(uploads=300, bytes=40_000_000, tokens=10_000_000)  # 1.50 USD


def said(max_imports: int | None = None, cost: float | None = None) -> tuple[str, ...]:
    return guards.refusals(
        lambda: guards.check_imports(WORK, max_imports),
        lambda: guards.check_cost(WORK, cost, PRICE),
    )


def test_without_a_bound_nothing_is_refused() -> None:
    assert said() == ()


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
    assert "max_estimated_cost=1.50 or more" in refusal


def test_every_guard_has_its_say() -> None:
    assert len(said(max_imports=0, cost=0.01)) == 2


def test_a_bound_on_a_cost_that_nobody_knows_lets_nothing_pass() -> None:
    with pytest.raises(Refused, match="price of the embedding model is not known"):
        guards.check_cost(WORK, 99, None)


@pytest.mark.parametrize(("waiting", "refused"), [(50, False), (51, True)])
def test_deletions_are_refused_with_the_figures_and_what_would_allow_them(
    waiting: int, *, refused: bool
) -> None:
    if not refused:
        guards.check_deletions(waiting, 100, None)
        return
    with pytest.raises(Refused, match=r"51 of 151 documents.* 50 allowed.* max_deletes=51 or more"):
        guards.check_deletions(waiting, 100, None)


def test_what_the_store_lost_is_imported_again_up_to_the_same_cap() -> None:
    guards.check_lost(50, 100, None)
    with pytest.raises(Refused, match=r"60 of 100 documents are gone.* max_imports=60 or more"):
        guards.check_lost(60, 100, None)
    guards.check_lost(60, 100, 60)


def test_documents_of_unchanged_content_go_only_if_all_deletions_together_are_allowed() -> None:
    assert guards.allows_asked(3, 2, 5)
    assert not guards.allows_asked(3, 2, 4)
    assert not guards.allows_asked(3, 0, None)


@pytest.mark.parametrize(
    ("indexed", "asked", "cap"),
    [
        (0, None, 50),
        (9, None, 50),
        (10, None, 5),
        (11, None, 5),
        (99, None, 49),
        (100, None, 50),
        (500, None, 50),
        (509, None, 50),
        (510, None, 51),
        (10_000, None, 1000),
        (10_000, 3, 3),
        (10_000, 0, 0),
        (1, 900, 900),
    ],
)
def test_fifty_or_a_tenth_but_no_more_than_half_may_go_unless_told(
    indexed: int, asked: int | None, cap: int
) -> None:
    assert deletion_cap(indexed, asked) == cap
