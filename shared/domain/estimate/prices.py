"""What embedding costs: list prices with their date, from the one place that holds them.

The prices are in ``shared/prices.json``, which says where each comes from. Nothing here asks the
service: a price that has changed since is a price to be edited there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.domain.strict_json import Table, packaged

_MILLION = 1_000_000


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


class PriceTable(Table):
    """All prices by model, as the file has them.

    Attributes:
        schema_version: Of the file.
        currency: ISO 4217.
        as_of: When the prices were read, as an ISO date.
        source: The address where they were read.
        default_model: What a store has that was created without a model.
        per_million_tokens: Of input, by model.
        notes: What there is to say of each model's price.
    """

    schema_version: Literal[1]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    as_of: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    source: Annotated[str, Field(pattern="^https://")]
    default_model: str
    per_million_tokens: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    notes: dict[str, str]

    @model_validator(mode="after")
    def _models_agree(self) -> Self:
        date.fromisoformat(self.as_of)
        if self.default_model not in self.per_million_tokens:
            raise ValueError(f"default_model {self.default_model!r} has no price")
        if self.notes.keys() != self.per_million_tokens.keys():
            raise ValueError("notes must say something of each model")
        return self

    def price_of(self, embedding_model: str) -> Price | None:
        """The price of a model as a store names it (empty: the default); None if not known."""
        model = embedding_model.removeprefix("models/") or self.default_model
        if model not in self.per_million_tokens:
            return None
        amount = self.per_million_tokens[model]
        return Price(model, amount, self.currency, date.fromisoformat(self.as_of))


@cache
def load_prices() -> PriceTable:
    """The packaged ``prices.json``, read and checked once.

    Raises:
        ValueError: The file breaks its rules; every problem is named.
    """
    return packaged(PriceTable, "prices.json")
