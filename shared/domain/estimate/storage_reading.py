"""How the service counts storage, as far as its answers have taught, and what is used by that.

The limit counts about three bytes for each byte of input. Whether a store's ``size_bytes`` does so
too, or counts the input, as the client's documentation says, is not documented. Until an answer
tells, the more careful reading holds: that it counts the input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.domain.estimate.store_capacity import STORED_PER_BYTE
from shared.domain.throttle.tiers import Tier

ROUNDING: Final = 1.01
"""Sizes may differ by this factor without meaning anything."""

BELIEVED_FOR: Final = timedelta(days=1)
"""How long a limit below the tier's is believed: somebody may have raised it at the service."""


class SizeOf(StrEnum):
    """What the sizes of the stores count: the input, or what the limit counts."""

    INPUT = "input"
    STORED = "stored"


class LearnedFrom(StrEnum):
    """A refusal for want of storage, or more in the stores than the careful reading allows."""

    REFUSAL = "refusal"
    ACCEPTANCE = "acceptance"


@dataclass(frozen=True, slots=True)
class StorageReading:
    """What answers of the service have taught about its storage, at ``meta/storage``.

    Attributes:
        tier: The tier for which it was learned; nothing of it holds for another.
        sizes: What the stores' sizes count; None while that is not known.
        learned_from: How that was learned.
        learned_at: When.
        cap: The limit in bytes that the latest refusal named; None if it named none.
        refused_at: When the latest refusal came.
        judged_at: When the stores were last measured because of a refusal.
        refused_size: What the stores reported then.
        schema_version: Version of this record's schema.
    """

    tier: str
    sizes: SizeOf | None = None
    learned_from: LearnedFrom | None = None
    learned_at: datetime | None = None
    cap: int | None = None
    refused_at: datetime | None = None
    judged_at: datetime | None = None
    refused_size: int = 0
    schema_version: int = 1

    @property
    def is_to_be_judged(self) -> bool:
        """Whether a refusal came since the stores were last measured because of one."""
        refused, judged = self.refused_at, self.judged_at
        return refused is not None and (judged is None or judged <= refused)


@dataclass(frozen=True, slots=True)
class StorageUse:
    """How much of the project's storage is used.

    Attributes:
        reported: Bytes that the stores report.
        used: Bytes in use, as the limit counts them.
        cap: Bytes that all stores of the project may hold.
        judged_by: How ``used`` follows from ``reported``, and from where that is known.
        is_assumed: Whether that is the careful reading, and not known.
        cap_is_named: Whether the service has named ``cap``; else it is the tier's.
    """

    reported: int
    used: int
    cap: int
    judged_by: str
    is_assumed: bool = False
    cap_is_named: bool = False


def refused(
    known: StorageReading | None, tier: Tier, limit: int | None, now: datetime
) -> StorageReading | None:
    """Note a refusal for want of storage, which named ``limit``; the next measurement judges it.

    Returns None if there is nothing new to note.
    """
    reading = _of_tier(known, tier)
    if reading.is_to_be_judged and limit in (None, reading.cap):
        return None
    return replace(reading, refused_at=now, cap=reading.cap if limit is None else limit)


def measured(
    known: StorageReading | None, tier: Tier, reported: int, now: datetime
) -> StorageReading | None:
    """What is known after the stores reported these bytes; None if that is nothing new."""
    reading = _of_tier(known, tier)
    cap = cap_of(reading, tier, now)
    if reading.is_to_be_judged:
        judged = replace(reading, judged_at=now, refused_size=reported)
        taught = _taught_by_refusal(reported, cap)
        return _learned(judged, taught, LearnedFrom.REFUSAL, now) if taught else judged
    # The service may let imports in that have begun before it notices that the limit is reached.
    allowed = max(cap, reading.refused_size * STORED_PER_BYTE) * ROUNDING
    if reading.sizes is not SizeOf.STORED and reported * STORED_PER_BYTE > allowed:
        return _learned(reading, SizeOf.STORED, LearnedFrom.ACCEPTANCE, now)
    return None


def cap_of(reading: StorageReading | None, tier: Tier, now: datetime) -> int:
    """The limit that the service named; the tier's if it named none, or a lower one long ago."""
    if reading is None or reading.tier != tier.name or reading.cap is None:
        return tier.storage_bytes
    since = reading.refused_at or now
    is_believed = reading.cap >= tier.storage_bytes or now - since < BELIEVED_FOR
    return reading.cap if is_believed else tier.storage_bytes


def use_of(reading: StorageReading | None, tier: Tier, reported: int, now: datetime) -> StorageUse:
    """How much of the storage is used, by what is known or else by the careful reading."""
    cap = cap_of(reading, tier, now)
    sizes = reading.sizes if reading is not None and reading.tier == tier.name else None
    return StorageUse(
        reported=reported,
        used=reported if sizes is SizeOf.STORED else reported * STORED_PER_BYTE,
        cap=cap,
        judged_by=_judged_by(reading if sizes else None),
        is_assumed=sizes is None,
        cap_is_named=reading is not None and reading.cap == cap,
    )


def _of_tier(known: StorageReading | None, tier: Tier) -> StorageReading:
    if known is None or known.tier != tier.name:
        return StorageReading(tier.name)
    return known


def _taught_by_refusal(reported: int, cap: int) -> SizeOf | None:
    """The reading by which the stores are full, as near as a factor of the root of three.

    None if they are full by neither: they were not measured fully, or another limit was meant.
    """
    if reported**2 * STORED_PER_BYTE >= cap**2:
        return SizeOf.STORED
    return SizeOf.INPUT if reported**2 * STORED_PER_BYTE**3 >= cap**2 else None


def _learned(
    reading: StorageReading, sizes: SizeOf, source: LearnedFrom, now: datetime
) -> StorageReading:
    return replace(reading, sizes=sizes, learned_from=source, learned_at=now)


def _judged_by(reading: StorageReading | None) -> str:
    times = f"the limit counts {STORED_PER_BYTE} times what the stores report"
    if reading is None or reading.learned_at is None:
        return f"the careful reading, as no answer has told yet: {times}"
    at = f"{reading.learned_at:%Y-%m-%d}"
    source = "a refusal" if reading.learned_from is LearnedFrom.REFUSAL else "what was accepted"
    counts = "the limit counts what the stores report"
    return f"{source} ({at}): {times if reading.sizes is SizeOf.INPUT else counts}"
