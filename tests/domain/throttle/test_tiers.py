from __future__ import annotations

import json
from dataclasses import asdict
from importlib import resources
from itertools import pairwise
from typing import Any

import pytest

from shared.domain.throttle.tiers import (
    InvalidTiers,
    Tier,
    UnknownTier,
    load_tier_table,
    load_tiers,
    parse_tier_table,
    tier_named,
)


def packaged() -> dict[str, Any]:
    text = resources.files("shared").joinpath("tiers.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def problems_of(table: object) -> str:
    with pytest.raises(InvalidTiers) as caught:
        parse_tier_table(json.dumps(table))
    return str(caught.value)


def test_the_table_is_read_as_it_stands() -> None:
    raw, table = packaged(), load_tier_table()

    assert {name: asdict(tier) for name, tier in table.tiers.items()} == {
        name: {"name": name, **numbers} for name, numbers in raw["tiers"].items()
    }
    assert table.default_tier is table.tiers[raw["default_tier"]]


def test_the_default_tier_is_this() -> None:
    assert load_tier_table().default_tier.name == "tier1"


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
    with pytest.raises(UnknownTier, match="'gold'; the tiers are free, tier1, tier2, tier3"):
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
        ("schema_version", 2, "schema_version must be 1"),
        ("default_tier", "gold", "default_tier 'gold' is not one of the tiers"),
        ("tiers", {}, "tiers must be an object with at least one tier"),
        ("tiers", {"tier1": 20}, "tier 'tier1' is not an object"),
        ("teirs", {}, "the file has an unknown key 'teirs'"),
    ],
)
def test_a_wrong_table_is_refused(key: str, value: object, problem: str) -> None:
    assert problem in problems_of(packaged() | {key: value})


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("rpm", 0, "rpm must be a positive whole number"),
        ("rpm", 20.5, "rpm must be a positive whole number"),
        ("rpm", True, "rpm must be a positive whole number"),
        ("rpm", None, "rpm must be a positive whole number"),
        ("rpm", 30_001, "rpm is more than a queue can dispatch"),
        ("rpd", 0, "rpd must be a positive whole number"),
        ("max_concurrent_dispatches", 5001, "is more than a queue allows"),
        ("tpm", 1000, "tier 'tier2' has an unknown key 'tpm'"),
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

    assert problems_of(table) == (
        "tiers.json: default_tier None is not one of the tiers; tier 'free' lacks 'rpm'; "
        "tier 'tier3': storage_bytes must be a positive whole number"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "not an object"),
        ('{"default_tier": "free", "default_tier": "tier1"}', "'default_tier' appears twice"),
    ],
)
def test_a_file_that_json_would_let_pass_or_break_on_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InvalidTiers, match=problem):
        parse_tier_table(text)
