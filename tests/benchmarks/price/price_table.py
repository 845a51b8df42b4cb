"""The list prices that the benchmarks calculate with; ``prices.json`` has their date and source."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def price_of(what: str) -> float:
    """US dollars for one of it. Raises ``KeyError`` if it has no price."""
    price: float = _table()["prices"][what]
    return price


def as_of() -> str:
    """The day on which the prices were looked up."""
    day: str = _table()["as_of"]
    return day


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("prices.json").read_text("utf-8"))
    return table
