"""Quota tiers: the request rates and limits a deployment is allowed to use.

The presets are in ``shared/tiers.json``. Terraform reads the same file (``jsondecode``), so that
the queue's rate and the pump's spacing can't disagree. ``sources`` in the file says where each
number comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from shared.domain.strict_json import Table, packaged

# Cloud Tasks refuses a queue above these limits. Checked here so that `terraform apply` can't fail.
MAX_QUEUE_DISPATCHES_PER_SECOND = 500
MAX_QUEUE_CONCURRENT_DISPATCHES = 5000


class UnknownTier(ValueError):
    """The file has no tier of this name; the message lists the names it has."""

    def __init__(self, name: str, known: Mapping[str, Tier]) -> None:
        super().__init__(f"unknown tier {name!r}; the tiers are {', '.join(known)}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Tier:
    """What one quota tier allows.

    Attributes:
        name: The tier's key in the file.
        rpm: Metered requests per minute; the uploads queue runs at exactly ``rpm / 60``.
        unmetered_rpm: Unmetered requests of the poller per minute, at most.
        rpd: Metered requests per quota day, or None where no limit is known.
        max_concurrent_dispatches: Deliveries of the uploads queue that may run at once.
        max_imports_in_progress: How many imports may be started and not yet settled, to begin with.
        storage_bytes: Bytes that all stores of the project together may hold, as the service
            counts them.
    """

    name: str
    rpm: int
    unmetered_rpm: int
    rpd: int | None
    max_concurrent_dispatches: int
    max_imports_in_progress: int
    storage_bytes: int

    @property
    def dispatches_per_second(self) -> float:
        """Rate of the uploads queue; each delivery makes at most one metered request."""
        return self.rpm / 60


class TierRow(Table):
    """A tier as it is written in the file; ``Tier`` says what the numbers mean."""

    rpm: Annotated[int, Field(gt=0, le=60 * MAX_QUEUE_DISPATCHES_PER_SECOND)]
    unmetered_rpm: PositiveInt
    rpd: PositiveInt | None
    max_concurrent_dispatches: Annotated[int, Field(gt=0, le=MAX_QUEUE_CONCURRENT_DISPATCHES)]
    max_imports_in_progress: PositiveInt
    storage_bytes: PositiveInt


class TiersFile(Table):
    """The whole file: the tiers by name, the name of the default tier, and the sources."""

    schema_version: Literal[1]
    default_tier: str
    tiers: Annotated[dict[str, TierRow], Field(min_length=1)]
    sources: dict[str, str]

    @model_validator(mode="after")
    def _default_is_a_tier(self) -> Self:
        if self.default_tier not in self.tiers:
            raise ValueError(f"default_tier {self.default_tier!r} is not one of the tiers")
        return self


@cache
def _file() -> TiersFile:
    return packaged(TiersFile, "tiers.json")


@cache
def load_tiers() -> Mapping[str, Tier]:
    """The packaged tiers by name, in the file's order; the file is read and checked once.

    Raises:
        ValueError: The file breaks its rules; every problem is named.
    """
    rows = _file().tiers.items()
    return MappingProxyType({name: Tier(name=name, **dict(row)) for name, row in rows})


def default_tier() -> Tier:
    """The tier that applies where none is named."""
    return load_tiers()[_file().default_tier]


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
