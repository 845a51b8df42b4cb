"""What embedding and answers cost: list prices, with the date when they were read.

The prices are in ``shared/prices.json``, which also says where they come from. They are not read
from the service: if a price changes, edit the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from math import ceil
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.domain.strict_json import Table, packaged

_MILLION = 1_000_000

PICTURE_TOKENS = 258
"""Tokens of a picture. Source: the pricing page has 0.00012 USD a picture at 0.45 a million tokens,
and Gemini counts 258 tokens for a picture of one tile."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one embedding model.

    Attributes:
        model: Name of the model, without ``models/``.
        per_million_tokens: Price of a million tokens of text, in ``currency``.
        currency: ISO 4217.
        as_of: Date on which the price was read.
        per_million_picture_tokens: Price of a million tokens of pictures; None if the model embeds
            none, or the price isn't known.
    """

    model: str
    per_million_tokens: float
    currency: str
    as_of: date
    per_million_picture_tokens: float | None = None

    @property
    def picture_tokens(self) -> int | None:
        """Tokens of text that cost as much as a picture, rounded up; None without a price."""
        if self.per_million_picture_tokens is None or not self.per_million_tokens:
            return None
        return ceil(PICTURE_TOKENS * self.per_million_picture_tokens / self.per_million_tokens)

    def cost(self, tokens: int) -> float:
        """The cost of embedding this number of tokens, in ``currency``."""
        return tokens / _MILLION * self.per_million_tokens


@dataclass(frozen=True, slots=True)
class AnswerPrice:
    """The price of answers by one model, in US dollars for a million tokens.

    The tokens of input include those of the passages that were found, and those of output the
    model's thoughts.
    """

    model: str
    input: float
    output: float

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """The cost of an answer, in US dollars."""
        return (input_tokens * self.input + output_tokens * self.output) / _MILLION


class AnswerRates(Table):
    """A row of the models that answer; US dollars for a million tokens."""

    input: Annotated[float, Field(gt=0)]
    output: Annotated[float, Field(gt=0)]
    note: str


class AnswerTable(Table):
    """The models that may answer questions, the default one first."""

    per_million_tokens: Annotated[dict[str, AnswerRates], Field(min_length=1)]

    def price_of(self, model: str) -> AnswerPrice:
        """The price of a model; an empty name means the default.

        Raises:
            KeyError: The model is not in the list.
        """
        name = model or next(iter(self.per_million_tokens))
        row = self.per_million_tokens[name]
        return AnswerPrice(name, row.input, row.output)


class PriceTable(Table):
    """All prices by model, as they are written in the file.

    Attributes:
        schema_version: Version of the file's schema.
        currency: ISO 4217.
        as_of: ISO date on which the prices were read.
        source: URL from which they were read.
        default_model: Model of a store that was created without naming one.
        per_million_tokens: Price of a million tokens of input, by model.
        picture_per_million_tokens: Price of a million tokens of pictures, by model.
        notes: A remark on each model's price.
        answers: The models that may answer questions, and their prices.
    """

    schema_version: Literal[1]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    as_of: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    source: Annotated[str, Field(pattern="^https://")]
    default_model: str
    per_million_tokens: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    picture_per_million_tokens: dict[str, Annotated[float, Field(ge=0)]]
    notes: dict[str, str]
    answers: AnswerTable

    @model_validator(mode="after")
    def _models_agree(self) -> Self:
        date.fromisoformat(self.as_of)
        if self.default_model not in self.per_million_tokens:
            raise ValueError(f"default_model {self.default_model!r} has no price")
        if self.notes.keys() != self.per_million_tokens.keys():
            raise ValueError("notes must have one entry for each model")
        if unknown := self.picture_per_million_tokens.keys() - self.per_million_tokens.keys():
            raise ValueError(f"picture_per_million_tokens: no price of text for {sorted(unknown)}")
        return self

    def price_of(self, embedding_model: str) -> Price | None:
        """The price of a model, by the name that a store gives it; None if it isn't known.

        An empty name means the default model.
        """
        model = embedding_model.removeprefix("models/") or self.default_model
        if model not in self.per_million_tokens:
            return None
        amount = self.per_million_tokens[model]
        pictures = self.picture_per_million_tokens.get(model)
        return Price(model, amount, self.currency, date.fromisoformat(self.as_of), pictures)


@cache
def load_prices() -> PriceTable:
    """The packaged ``prices.json``, read and checked once.

    Raises:
        ValueError: The file breaks its rules; every problem is named.
    """
    return packaged(PriceTable, "prices.json")
