"""What embedding costs: list prices, with the date when they were read.

The prices are in ``shared/prices.json``, which also says where they come from. They are not read
from the service: if a price changes, edit the file.
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
    """The price of one embedding model.

    Attributes:
        model: Name of the model, without ``models/``.
        per_million_tokens: Price of a million tokens of input, in ``currency``.
        currency: ISO 4217.
        as_of: Date on which the price was read.
    """

    model: str
    per_million_tokens: float
    currency: str
    as_of: date

    def cost(self, tokens: int) -> float:
        """The cost of embedding this number of tokens, in ``currency``."""
        return tokens / _MILLION * self.per_million_tokens


class PriceTable(Table):
    """All prices by model, as they are written in the file.

    Attributes:
        schema_version: Version of the file's schema.
        currency: ISO 4217.
        as_of: ISO date on which the prices were read.
        source: URL from which they were read.
        default_model: Model of a store that was created without naming one.
        per_million_tokens: Price of a million tokens of input, by model.
        notes: A remark on each model's price.
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
            raise ValueError("notes must have one entry for each model")
        return self

    def price_of(self, embedding_model: str) -> Price | None:
        """The price of a model, by the name that a store gives it; None if it isn't known.

        An empty name means the default model.
        """
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
