from __future__ import annotations

import json
from datetime import date
from importlib import resources
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.estimate.prices import PriceTable, load_prices
from shared.domain.strict_json import parse_table


def packaged() -> dict[str, Any]:
    text = resources.files("shared").joinpath("prices.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def test_the_table_is_read_as_it_stands() -> None:
    raw = packaged()
    read = date.fromisoformat(raw["as_of"])

    for model, amount in raw["per_million_tokens"].items():
        price = load_prices().price_of(model)
        assert price is not None
        assert (price.model, price.per_million_tokens) == (model, amount)
        assert (price.currency, price.as_of) == (raw["currency"], read)


@pytest.mark.parametrize(
    ("embedding_model", "model"),
    [
        ("", "gemini-embedding-001"),
        ("models/gemini-embedding-2", "gemini-embedding-2"),
        ("gemini-embedding-2", "gemini-embedding-2"),
    ],
)
def test_a_store_without_a_model_of_its_own_has_the_default(
    embedding_model: str, model: str
) -> None:
    price = load_prices().price_of(embedding_model)
    assert price is not None
    assert price.model == model


def test_a_model_without_a_price_is_not_free() -> None:
    assert load_prices().price_of("models/gemini-embedding-9") is None


def test_two_million_tokens_cost_twice_the_price() -> None:
    price = load_prices().price_of("")
    assert price is not None
    assert price.cost(2_000_000) == pytest.approx(0.30)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("schema_version", 2, "schema_version"),
        ("currency", "Dollar", "currency"),
        ("currency", None, "currency"),
        ("as_of", "7 October 2026", "as_of"),
        ("as_of", "20261007", "as_of"),
        ("as_of", None, "as_of"),
        ("source", "the pricing page", "source"),
        ("default_model", "gemini-embedding-3", "'gemini-embedding-3' has no price"),
        ("per_million_tokens", {}, "per_million_tokens"),
        ("per_million_tokens", [0.15], "per_million_tokens"),
        ("notes", {}, "notes must have one entry for each model"),
        ("prices", {}, "prices"),
    ],
)
def test_a_wrong_table_is_refused(key: str, value: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_table(PriceTable, json.dumps(packaged() | {key: value}))


@pytest.mark.parametrize("amount", [-0.1, True, None, "0.15"])
def test_a_wrong_price_is_refused(amount: object) -> None:
    table = packaged()
    table["per_million_tokens"]["gemini-embedding-2"] = amount

    with pytest.raises(ValueError, match=r"per_million_tokens\.gemini-embedding-2"):
        parse_table(PriceTable, json.dumps(table))


def test_all_problems_are_named_at_once() -> None:
    table = packaged() | {"as_of": "", "schema_version": 9}
    del table["source"]

    with pytest.raises(ValidationError) as caught:
        parse_table(PriceTable, json.dumps(table))

    told = str(caught.value)
    for place in ("as_of", "schema_version", "source"):
        assert place in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Expecting property name"),
        ("[]", "valid dictionary"),
        ('{"as_of": 1, "as_of": 2}', "appears twice"),
    ],
)
def test_a_file_that_json_would_let_pass_or_break_on_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_table(PriceTable, text)
