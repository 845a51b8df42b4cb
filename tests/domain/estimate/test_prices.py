from __future__ import annotations

import json
from datetime import date
from importlib import resources
from typing import Any

import pytest

from shared.domain.estimate.prices import InvalidPrices, Price, load_prices, parse_prices


def packaged() -> dict[str, Any]:
    text = resources.files("shared").joinpath("prices.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def test_the_table_is_read_as_it_stands() -> None:
    raw = packaged()
    read = date.fromisoformat(raw["as_of"])

    assert dict(load_prices().prices) == {
        model: Price(model, amount, raw["currency"], read)
        for model, amount in raw["per_million_tokens"].items()
    }


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


def test_the_prices_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load_prices().prices["free"] = load_prices().prices["gemini-embedding-2"]  # type: ignore[index]  # what is tested


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("schema_version", 2, "schema_version must be 1"),
        ("currency", "Dollar", "currency must be a code of three capital letters"),
        ("currency", None, "currency must be a code of three capital letters"),
        ("as_of", "7 October 2026", "as_of must be a date"),
        ("as_of", "20261007", "as_of must be a date"),
        ("as_of", None, "as_of must be a date"),
        ("source", "the pricing page", "source must be the address"),
        ("default_model", "gemini-embedding-3", "'gemini-embedding-3' has no price"),
        ("per_million_tokens", {}, "at least one model"),
        ("per_million_tokens", [0.15], "at least one model"),
        ("notes", {}, "notes must say something of each model"),
        ("prices", {}, "the file has an unknown key 'prices'"),
    ],
)
def test_a_wrong_table_is_refused(key: str, value: object, problem: str) -> None:
    with pytest.raises(InvalidPrices, match=problem):
        parse_prices(json.dumps(packaged() | {key: value}))


@pytest.mark.parametrize("amount", [-0.1, True, None, "0.15"])
def test_a_wrong_price_is_refused(amount: object) -> None:
    table = packaged()
    table["per_million_tokens"]["gemini-embedding-2"] = amount

    with pytest.raises(InvalidPrices, match="'gemini-embedding-2' must be a number"):
        parse_prices(json.dumps(table))


def test_all_problems_are_named_at_once() -> None:
    table = packaged() | {"as_of": "", "schema_version": 9}
    del table["source"]

    with pytest.raises(InvalidPrices) as caught:
        parse_prices(json.dumps(table))

    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "not JSON"), ("[]", "not an object"), ('{"as_of": 1, "as_of": 2}', "appears twice")],
)
def test_a_file_that_json_would_let_pass_or_break_on_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidPrices, match=problem):
        parse_prices(text)
