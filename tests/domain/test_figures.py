from __future__ import annotations

import pytest

from shared.domain.figures import amount, duration, roughly, size


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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (86_399, "23 h 59 min"),
        (90_000, "1 d 01 h"),
    ],
)
def test_a_duration_has_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7_300, "2 h"),
        (9_000, "2.5 h"),
        (40 * 3600, "40 h"),
        (2e5, "2.3 days"),
        (2e6, "23 days"),
    ],
)
def test_an_estimate_has_one_unit(seconds: float, text: str) -> None:
    assert roughly(seconds) == text
