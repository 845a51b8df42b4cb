"""Amounts of money, sizes and durations as text for people."""

from __future__ import annotations

from math import ceil, floor, log10

_KILO = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_FEW = 10


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


def duration(seconds: float) -> str:
    """A duration that was measured, in its two largest units."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02d} h"


def roughly(seconds: float) -> str:
    """A duration that is an estimate, in its largest unit of which there are two or more.

    A few hours or days have a decimal.
    """
    for unit, name in ((_DAY, "days"), (_HOUR, "h")):
        if seconds >= 2 * unit:
            count = seconds / unit
            return f"{round(count, 1 if count < _FEW else 0):g} {name}"
    return f"{round(seconds / _MINUTE)} min" if seconds >= 2 * _MINUTE else f"{round(seconds)} s"
