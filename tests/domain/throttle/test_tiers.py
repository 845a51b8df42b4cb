from __future__ import annotations

import json
from dataclasses import asdict
from importlib import resources
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.strict_json import parse_table
from shared.domain.throttle.tiers import (
    Tier,
    TiersFile,
    UnknownTier,
    default_tier,
    load_tiers,
    tier_named,
)


def packaged() -> dict[str, Any]:
    text = resources.files("shared").joinpath("tiers.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def problems_of(table: object) -> str:
    with pytest.raises(ValidationError) as caught:
        parse_table(TiersFile, json.dumps(table))
    return str(caught.value)


def test_the_table_is_read_as_it_stands() -> None:
    raw, tiers = packaged(), load_tiers()

    assert {name: asdict(tier) for name, tier in tiers.items()} == {
        name: {"name": name, **numbers} for name, numbers in raw["tiers"].items()
    }
    assert default_tier() is tiers[raw["default_tier"]]


def test_the_default_tier_is_this() -> None:
    assert default_tier().name == "tier1"


def test_a_higher_tier_never_allows_less() -> None:
    for lower, higher in pairwise(load_tiers().values()):
        assert lower.rpm < higher.rpm
        assert lower.max_concurrent_dispatches < higher.max_concurrent_dispatches
        assert lower.storage_bytes < higher.storage_bytes
        assert higher.rpd is None or (lower.rpd is not None and lower.rpd < higher.rpd)


@pytest.mark.parametrize("tier", load_tiers().values(), ids=lambda tier: tier.name)
def test_a_queue_runs_at_its_tiers_requests_per_minute(tier: Tier) -> None:
    assert 60 * tier.dispatches_per_second == pytest.approx(tier.rpm)


def test_concurrency_is_just_enough_for_the_rate_at_the_assumed_duration() -> None:
    for tier in load_tiers().values():
        in_flight = tier.rpm * 15 / 60
        assert in_flight <= tier.max_concurrent_dispatches < in_flight + 1


def test_an_unknown_tier_is_answered_with_the_list_of_tiers() -> None:
    with pytest.raises(UnknownTier, match=f"'gold'; the tiers are {', '.join(load_tiers())}"):
        tier_named("gold")


def test_an_unknown_tier_is_a_value_error() -> None:
    assert issubclass(UnknownTier, ValueError)


def test_the_tiers_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        load_tiers()["gold"] = tier_named("free")  # type: ignore[index]  # what is tested


def test_every_number_has_its_source() -> None:
    table = packaged()
    numbers = {key for tier in table["tiers"].values() for key in tier}

    assert numbers == table["sources"].keys()


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("schema_version", 2, "schema_version"),
        ("default_tier", "gold", "default_tier 'gold' is not one of the tiers"),
        ("tiers", {}, "tiers"),
        ("tiers", {"tier1": 20}, "tiers.tier1"),
        ("teirs", {}, "teirs"),
    ],
)
def test_a_wrong_table_is_refused(key: str, value: object, problem: str) -> None:
    assert problem in problems_of(packaged() | {key: value})


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("rpm", 0, "tiers.tier2.rpm"),
        ("rpm", 20.5, "tiers.tier2.rpm"),
        ("rpm", True, "tiers.tier2.rpm"),
        ("rpm", None, "tiers.tier2.rpm"),
        ("rpm", 30_001, "tiers.tier2.rpm"),
        ("rpd", 0, "tiers.tier2.rpd"),
        ("max_concurrent_dispatches", 5001, "tiers.tier2.max_concurrent_dispatches"),
        ("tpm", 1000, "tiers.tier2.tpm"),
    ],
)
def test_a_wrong_tier_is_refused(key: str, value: object, problem: str) -> None:
    table = packaged()
    table["tiers"]["tier2"][key] = value

    assert problem in problems_of(table)


def test_all_problems_are_named_at_once() -> None:
    table = packaged()
    del table["tiers"]["free"]["rpm"]
    table["tiers"]["tier3"]["storage_bytes"] = -1
    table["default_tier"] = None

    told = problems_of(table)
    for place in ("default_tier", "tiers.free.rpm", "tiers.tier3.storage_bytes"):
        assert place in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Expecting property name"),
        ("[]", "valid dictionary"),
        ('{"default_tier": "free", "default_tier": "tier1"}', "'default_tier' appears twice"),
    ],
)
def test_a_file_that_json_would_let_pass_or_break_on_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_table(TiersFile, text)
