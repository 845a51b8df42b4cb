from __future__ import annotations

import pytest

from shared.domain.figures import amount, size


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.00"),
        (1.5, "1.50"),
        (0.15, "0.15"),
        (1.501, "1.51"),
        (0.0123, "0.013"),
        (0.00015, "0.00015"),
    ],
)
def test_money_is_rounded_up_so_that_it_suffices(value: float, text: str) -> None:
    assert amount(value) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (3_400_000, "3.4 MB"),
        (999_999, "1 MB"),
        (10**15, "1000 TB"),
    ],
)
def test_a_size_has_the_unit_that_suits_it(count: int, text: str) -> None:
    assert size(count) == text
