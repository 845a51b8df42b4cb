"""Google's services return no block whose values are all zero, so Terraform would plan it for ever.

The exceptions are blocks that the provider fills in when it reads them; its source says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local.terraform.workspace import Plan

pytestmark = pytest.mark.terraform

READ_BACK: Mapping[tuple[str, str], str] = {
    ("google_cloudbuild_trigger", "approval_config"): "absent is read as not required",
    ("google_firestore_field", "index_config"): "an empty one is returned, and read as empty",
    ("google_firestore_field", "ttl_config"): "its state is returned",
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


def zero_blocks(values: Mapping[str, Any]) -> Iterator[str]:
    """The names of blocks, at any depth, that say nothing but zero."""
    for name, value in values.items():
        for block in value if isinstance(value, list) else []:
            if isinstance(block, Mapping):
                if is_zero(block):
                    yield name
                else:
                    yield from zero_blocks(block)


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
        for block in zero_blocks(values)
    }


def test_no_block_says_nothing_but_zero(plan: Plan) -> None:
    assert found_in(plan) - set(READ_BACK) == set()


def test_every_exception_is_needed(plans: dict[str, Plan]) -> None:
    assert set().union(*map(found_in, plans.values())) == set(READ_BACK)


def test_no_dashboard_has_a_zero_or_something_empty(plan: Plan) -> None:
    (dashboard,) = plan.of_type("google_monitoring_dashboard").values()
    assert list(zeros(json.loads(dashboard["dashboard_json"]))) == []


def test_zeros_are_found_at_every_depth() -> None:
    assert list(zero_blocks({"a": [{"b": 0, "c": [{"d": None}]}], "e": [{"f": 1}]})) == ["a"]
    assert list(zero_blocks({"a": [{"b": 1, "c": [{"d": False}]}], "g": ["x"]})) == ["c"]
    assert list(zeros({"a": [{"xPos": 0, "b": 6}], "c": {}})) == [".a[0].xPos", ".c"]
