"""What embedding costs: list prices with their date, from the one place that holds them.

The prices are in ``shared/prices.json``, which says where each comes from. Nothing here asks the
service: a price that has changed since is a price to be edited there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from shared.domain.strict_json import key_problems, parse_table

SCHEMA_VERSION = 1

_MILLION = 1_000_000

_TABLE_KEYS = frozenset(
    {
        "schema_version",
        "currency",
        "as_of",
        "source",
        "default_model",
        "per_million_tokens",
        "notes",
    }
)


class InvalidPrices(ValueError):
    """The prices file breaks its rules; the message names every problem found."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("prices.json: " + "; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Price:
    """What one embedding model costs.

    Attributes:
        model: Its name, without ``models/``.
        per_million_tokens: Of input, in ``currency``.
        currency: ISO 4217.
        as_of: When the price was read.
    """

    model: str
    per_million_tokens: float
    currency: str
    as_of: date

    def cost(self, tokens: int) -> float:
        """What embedding so many tokens costs, in ``currency``."""
        return tokens / _MILLION * self.per_million_tokens


@dataclass(frozen=True, slots=True)
class PriceTable:
    """All prices by model. ``default_model`` is what a store has that was created without one."""

    prices: Mapping[str, Price]
    default_model: str

    def price_of(self, embedding_model: str) -> Price | None:
        """The price of a model as a store names it (empty: the default); None if not known."""
        return self.prices.get(embedding_model.removeprefix("models/") or self.default_model)


@cache
def load_prices() -> PriceTable:
    """The packaged ``prices.json``, read and checked once.

    Raises:
        InvalidPrices: The file breaks its rules.
    """
    text = resources.files("shared").joinpath("prices.json").read_text(encoding="utf-8")
    return parse_prices(text)


def parse_prices(text: str) -> PriceTable:
    """Read a prices file strictly: unknown, missing and repeated keys are errors.

    Raises:
        InvalidPrices: With every problem named at once.
    """
    problems: list[str] = []
    table = parse_table(text, problems)
    if table is None:
        raise InvalidPrices(problems)
    problems += key_problems("the file", table, _TABLE_KEYS)
    problems += _table_problems(table)
    if problems:
        raise InvalidPrices(problems)
    as_of = date.fromisoformat(table["as_of"])
    prices = {
        model: Price(model, float(amount), table["currency"], as_of)
        for model, amount in table["per_million_tokens"].items()
    }
    return PriceTable(MappingProxyType(prices), table["default_model"])


def _table_problems(table: dict[str, Any]) -> list[str]:
    problems = []
    if table.get("schema_version") != SCHEMA_VERSION:
        problems.append(f"schema_version must be {SCHEMA_VERSION}")
    currency, source = table.get("currency"), table.get("source")
    if not isinstance(currency, str) or len(currency) != len("USD") or not currency.isupper():
        problems.append("currency must be a code of three capital letters")
    if not isinstance(source, str) or not source.startswith("https://"):
        problems.append("source must be the address where the prices were read")
    if not _is_date(table.get("as_of")):
        problems.append("as_of must be a date such as '2026-10-07'")
    prices = table.get("per_million_tokens")
    if not isinstance(prices, dict) or not prices:
        return [*problems, "per_million_tokens must be an object with at least one model"]
    if table.get("default_model") not in prices:
        problems.append(f"default_model {table.get('default_model')!r} has no price")
    if not isinstance(table.get("notes"), dict) or table["notes"].keys() != prices.keys():
        problems.append("notes must say something of each model")
    for model, amount in prices.items():
        if isinstance(amount, bool) or not isinstance(amount, int | float) or amount < 0:
            problems.append(f"the price of {model!r} must be a number, 0 or more")
    return problems


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False
