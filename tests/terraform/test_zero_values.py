"""Google's services return no block whose values are all zero, so Terraform would plan it for ever.

The exceptions are blocks that the provider fills in when it reads them; its source says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import pytest

from local.terraform.workspace import Plan

pytestmark = pytest.mark.terraform

READ_BACK: Mapping[tuple[str, str], str] = {
    ("google_firestore_field", "index_config"): "an empty one is returned, and read as empty",
    (
        "google_pubsub_subscription",
        "expiration_policy",
    ): "an empty one is returned, and read as never",
    ("google_secret_manager_secret", "replication"): "an empty one is returned, and read as empty",
}
"""Blocks without a value that are read back, by type of resource and name."""

ZERO: tuple[object, ...] = (None, 0, False, "", [], {})


def is_zero(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(is_zero(each) for each in value.values())
    if isinstance(value, list):
        return all(is_zero(each) for each in value)
    return value in ZERO


def zero_blocks(values: Mapping[str, Any], unknown: Mapping[str, Any]) -> Iterator[str]:
    """The names of blocks, at any depth, that say nothing but zero, and will say nothing else."""
    for name, value in values.items():
        if not isinstance(value, list):
            continue
        later = unknown.get(name)
        unknowns: list[Any] = later if isinstance(later, list) else []
        pairs: Iterator[tuple[Any, Any]] = zip_longest(value, unknowns, fillvalue={})
        for block, yet in pairs:
            if isinstance(block, Mapping):
                if is_zero(block) and is_zero(yet):
                    yield name
                else:
                    yield from zero_blocks(block, yet)


def zeros(value: object, path: str = "") -> Iterator[str]:
    """Where a JSON document says zero, or has something empty."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from zeros(each, f"{path}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from zeros(each, f"{path}[{index}]")
    if value in ZERO:
        yield path


def found_in(plan: Plan) -> set[tuple[str, str]]:
    return {
        (re.findall(r"(?:^|\.)(google_\w+)\.", address)[-1], block)
        for address, values in plan.resources.items()
        for block in zero_blocks(values, plan.unknown[address])
    }


def test_no_block_says_nothing_but_zero(plan: Plan) -> None:
    assert found_in(plan) - set(READ_BACK) == set()


def test_no_block_says_nothing_but_zero_where_everything_is_asked_for(full: Plan) -> None:
    assert full.of_type("google_billing_budget")
    assert found_in(full) - set(READ_BACK) == set()


def test_every_exception_is_needed(full: Plan) -> None:
    assert found_in(full) == set(READ_BACK)


def test_no_dashboard_has_a_zero_or_something_empty(plan: Plan) -> None:
    (dashboard,) = plan.of_type("google_monitoring_dashboard").values()
    assert list(zeros(json.loads(dashboard["dashboard_json"]))) == []


def test_what_is_known_later_is_no_zero() -> None:
    values: Mapping[str, Any] = {"a": [{"b": None, "c": [{}]}]}
    assert list(zero_blocks(values, {"a": [{"b": True, "c": [{"d": True}]}]})) == []
    assert list(zero_blocks(values, {"a": [{"b": True, "c": [{}]}]})) == ["c"]
    assert list(zero_blocks(values, {"a": [{"c": [{}]}]})) == ["a"]


def test_zeros_are_found_at_every_depth() -> None:
    assert list(zero_blocks({"a": [{"b": 0, "c": [{"d": None}]}], "e": [{"f": 1}]}, {})) == ["a"]
    assert list(zero_blocks({"a": [{"b": 1, "c": [{"d": False}]}], "g": ["x"]}, {})) == ["c"]
    assert list(zeros({"a": [{"xPos": 0, "b": 6}], "c": {}})) == [".a[0].xPos", ".c"]
