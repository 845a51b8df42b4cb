from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.benchmarks.price.instances import Kind, billed
from tests.rated_world import Span

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def span(began: float, ended: float) -> Span:
    return Span("f", T0 + timedelta(seconds=began), T0 + timedelta(seconds=ended))


@pytest.mark.parametrize(
    ("spans", "concurrency", "busy", "starts"),
    [
        ([span(0, 1), span(0.5, 1.5)], 2, 1.5, 1),
        ([span(0, 1), span(0.5, 1.5)], 1, 2.0, 2),
        ([span(0, 1), span(1, 2)], 1, 2.0, 1),
        ([span(0, 0.01), span(5, 5.31)], 4, 0.5, 1),
        ([span(0, 1), span(2000, 2001)], 1, 2.0, 2),
        ([], 1, 0.0, 0),
    ],
    ids=["shared", "apart", "one after the other", "rounded", "gone meanwhile", "none"],
)
def test_an_instance_is_billed_while_it_serves_any_request(
    spans: list[Span], concurrency: int, busy: float, starts: int
) -> None:
    found = billed(spans, Kind(1, 1, concurrency, start=3))

    assert found.busy == pytest.approx(busy)
    assert found.starting == 3 * starts
