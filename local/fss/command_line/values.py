"""The kinds of values that options take; each says what is wrong with a value and what is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import click

Value = TypeVar("Value")

MAX_PORT = 65_535


class Kind(click.ParamType[Value], Generic[Value]):
    """Values that a function reads.

    Args:
        name: What the help calls such a value.
        read: Returns the value of a text, or raises ``ValueError`` with what is wrong.
    """

    def __init__(self, name: str, read: Callable[[str], Value]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: str | Value, param: click.Parameter | None, ctx: click.Context | None
    ) -> Value:
        """Read a text; a default is a value already."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def _count(text: str) -> int:
    value = _whole(text)
    if value < 0:
        raise ValueError(f"{text} is less than 0; a number of files is 0 or more")
    return value


def _port(text: str) -> int:
    value = _whole(text)
    if not 0 < value <= MAX_PORT:
        raise ValueError(f"{text} is no port; a port is a number from 1 to {MAX_PORT}")
    return value


def _amount(text: str) -> float:
    value = _number(text)
    if not 0 < value < float("inf"):
        raise ValueError(f"{text} is no amount; an amount of money is more than 0")
    return value


COUNT = Kind("N", _count)
PORT = Kind("PORT", _port)
AMOUNT = Kind("USD", _amount)


def number_between(low: float, high: float, name: str) -> Kind[float]:
    """Numbers from ``low`` to ``high``, both included."""

    def read(text: str) -> float:
        value = _number(text)
        if not low <= value <= high:
            raise ValueError(f"{text} is not from {low:g} to {high:g}")
        return value

    return Kind(name, read)
