"""Quota tiers: the request rates and limits a deployment is allowed to use.

The presets live in ``shared/tiers.json``, which Terraform reads as well (``jsondecode``), so that
a queue's rate and the pump's spacing can't disagree. The file says under ``sources`` where each
number comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from shared.domain.strict_json import key_problems, parse_table

SCHEMA_VERSION = 1

# Cloud Tasks refuses a queue above these: better to hear it here than from `terraform apply`.
MAX_QUEUE_DISPATCHES_PER_SECOND = 500
MAX_QUEUE_CONCURRENT_DISPATCHES = 5000

_TABLE_KEYS = frozenset(["schema_version", "default_tier", "tiers", "sources"])
_TIER_KEYS = frozenset(
    {"rpm", "rpd", "max_concurrent_dispatches", "max_imports_in_progress", "storage_bytes"}
)


class UnknownTier(ValueError):
    """A tier name that is not in the file; the message lists those that are."""

    def __init__(self, name: str, known: Mapping[str, Tier]) -> None:
        super().__init__(f"unknown tier {name!r}; the tiers are {', '.join(known)}")
        self.name = name


class InvalidTiers(ValueError):
    """The tiers file breaks its rules; the message names every problem found."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("tiers.json: " + "; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Tier:
    """What one quota tier allows.

    Attributes:
        name: The tier's key in the file.
        rpm: Metered requests per minute; the uploads queue runs at exactly ``rpm / 60``.
        rpd: Metered requests per quota day, or None where no limit is known.
        max_concurrent_dispatches: The uploads queue's second brake.
        max_imports_in_progress: Imports started and not yet settled, at most.
        storage_bytes: What all stores of the project may hold, as the service counts it.
    """

    name: str
    rpm: int
    rpd: int | None
    max_concurrent_dispatches: int
    max_imports_in_progress: int
    storage_bytes: int

    @property
    def dispatches_per_second(self) -> float:
        """Rate of the uploads queue; each dispatch makes at most one metered request."""
        return self.rpm / 60


@dataclass(frozen=True, slots=True)
class TierTable:
    """The whole file: the tiers by name, and the one that is taken unless another is named."""

    tiers: Mapping[str, Tier]
    default_tier: Tier


@cache
def load_tier_table() -> TierTable:
    """The packaged ``tiers.json``, read and checked once.

    Raises:
        InvalidTiers: The file breaks its rules.
    """
    text = resources.files("shared").joinpath("tiers.json").read_text(encoding="utf-8")
    return parse_tier_table(text)


def load_tiers() -> Mapping[str, Tier]:
    """The packaged tiers by name, in the file's order."""
    return load_tier_table().tiers


def tier_named(name: str) -> Tier:
    """The packaged tier of that name.

    Raises:
        UnknownTier: There is none.
    """
    tiers = load_tiers()
    try:
        return tiers[name]
    except KeyError:
        raise UnknownTier(name, tiers) from None


def parse_tier_table(text: str) -> TierTable:
    """Read a tiers file strictly: unknown, missing and repeated keys are errors.

    Raises:
        InvalidTiers: With every problem named at once.
    """
    problems: list[str] = []
    table = parse_table(text, problems)
    if table is None:
        raise InvalidTiers(problems)

    problems += key_problems("the file", table, _TABLE_KEYS)
    problems += _table_problems(table)
    tiers = table.get("tiers")
    if isinstance(tiers, dict):
        for name, fields in tiers.items():
            problems += _tier_problems(name, fields)
    if problems:
        raise InvalidTiers(problems)

    by_name = {name: Tier(name=name, **fields) for name, fields in table["tiers"].items()}
    return TierTable(
        tiers=MappingProxyType(by_name),
        default_tier=by_name[table["default_tier"]],
    )


def _table_problems(table: dict[str, Any]) -> list[str]:
    problems = []
    if table.get("schema_version") != SCHEMA_VERSION:
        problems.append(f"schema_version must be {SCHEMA_VERSION}")
    tiers = table.get("tiers")
    if not isinstance(tiers, dict) or not tiers:
        problems.append("tiers must be an object with at least one tier")
    elif table.get("default_tier") not in tiers:
        problems.append(f"default_tier {table.get('default_tier')!r} is not one of the tiers")
    return problems


def _tier_problems(name: str, fields: object) -> list[str]:
    if not isinstance(fields, dict):
        return [f"tier {name!r} is not an object"]
    problems = key_problems(f"tier {name!r}", fields, _TIER_KEYS)
    for key in sorted(_TIER_KEYS & fields.keys()):
        value = fields[key]
        unlimited = key == "rpd" and value is None
        if not unlimited and (type(value) is not int or value <= 0):
            problems.append(f"tier {name!r}: {key} must be a positive whole number")
        elif key == "rpm" and value > 60 * MAX_QUEUE_DISPATCHES_PER_SECOND:
            problems.append(f"tier {name!r}: rpm is more than a queue can dispatch")
        elif key == "max_concurrent_dispatches" and value > MAX_QUEUE_CONCURRENT_DISPATCHES:
            problems.append(f"tier {name!r}: {key} is more than a queue allows")
    return problems
