"""The request of an answer: the body of ``POST /ask``, and the use case's argument."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.domain.ask.metadata_filter import MAX_LENGTH, MetadataFilter
from shared.domain.estimate.prices import load_prices

MAX_QUESTION: Final = 2000
"""Most characters of a question. Our own choice: it bounds what a question costs."""


def _question(text: str) -> str:
    if not text.strip():
        raise ValueError("has no words")
    return text


def _filter(text: str) -> str:
    MetadataFilter.parse(text)
    return text


def _model(name: str) -> str:
    models = load_prices().answers.per_million_tokens
    if name and name not in models:
        raise ValueError(f"must be one of {', '.join(models)}")
    return name


class AskRequest(BaseModel):
    """A question to the store."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    question: Annotated[str, AfterValidator(_question)] = Field(
        min_length=1, max_length=MAX_QUESTION, description="the question, in any language"
    )
    filter: Annotated[str, AfterValidator(_filter)] = Field(
        "",
        max_length=MAX_LENGTH,
        description='search only documents whose metadata match, as in `year=2025 AND topic="x"`',
    )
    model: Annotated[str, AfterValidator(_model)] = Field(
        "", description="one of the models in `shared/prices.json`; if empty, the first of them"
    )
