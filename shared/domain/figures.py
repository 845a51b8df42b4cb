"""Amounts of money and sizes as text for people."""

from __future__ import annotations

from math import ceil, floor, log10

_KILO = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def amount(value: float) -> str:
    """An amount of money, rounded up to two decimals, or two significant digits below 0.1."""
    digits = 2 if value == 0 else max(2, 1 - floor(log10(value)))
    unit = 10**digits
    return f"{ceil(round(value * unit, 6)) / unit:.{digits}f}"


def size(count: int) -> str:
    """A number of bytes in the largest decimal unit that fits, with three significant digits."""
    value, unit = float(count), 0
    while round(value) >= _KILO and unit < len(_UNITS) - 1:
        value, unit = value / _KILO, unit + 1
    return f"{value:.3g} {_UNITS[unit]}" if round(value) < _KILO else f"{value:.0f} {_UNITS[unit]}"
