from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.estimate.storage_reading import (
    LearnedFrom,
    SizeOf,
    StorageReading,
    cap_of,
    measured,
    refused,
    use_of,
)
from shared.domain.throttle.tiers import Tier, tier_named

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
GB = 10**9
TIER = tier_named("free")


def after_refusal(
    reported: int, limit: int | None = None, *, tier: Tier = TIER
) -> StorageReading | None:
    return measured(refused(None, tier, limit, NOW), tier, reported, NOW + SECOND)


@pytest.mark.parametrize(
    ("share", "sizes"),
    [
        (1.02, SizeOf.STORED),
        (1.0, SizeOf.STORED),
        (0.6, SizeOf.STORED),
        (0.55, SizeOf.INPUT),
        (0.334, SizeOf.INPUT),
        (0.2, SizeOf.INPUT),
        (0.19, None),
        (0.0, None),
    ],
)
@pytest.mark.parametrize("limit", [None, GB])
def test_a_refusal_teaches_the_reading_by_which_the_stores_are_full(
    share: float, sizes: SizeOf | None, limit: int | None
) -> None:
    known = after_refusal(round(share * GB), limit)
    assert known is not None
    assert known.sizes is sizes
    assert known.learned_from is (LearnedFrom.REFUSAL if sizes else None)
    assert not known.is_to_be_judged


def test_a_named_limit_counts_before_the_preset() -> None:
    known = after_refusal(10 * GB, 10 * GB)
    assert known is not None
    assert (known.sizes, cap_of(known, TIER, NOW)) == (SizeOf.STORED, 10 * GB)
    low = after_refusal(GB // 10, GB // 10, tier=tier_named("tier1"))
    assert low is not None
    assert low.sizes is SizeOf.STORED
    assert cap_of(low, tier_named("tier1"), NOW) == GB // 10


def test_a_limit_below_the_preset_is_believed_for_a_day() -> None:
    known = refused(None, TIER, 1000, NOW)
    assert cap_of(known, TIER, NOW + timedelta(hours=23)) == 1000
    assert cap_of(known, TIER, NOW + timedelta(hours=24)) == GB
    above = refused(None, TIER, 2 * GB, NOW)
    assert cap_of(above, TIER, NOW + timedelta(days=90)) == 2 * GB


def test_more_than_the_careful_reading_allows_refutes_it() -> None:
    assert measured(None, TIER, GB // 3, NOW) is None
    assert measured(None, TIER, round(1.005 * GB / 3), NOW) is None, "rounding"
    known = measured(None, TIER, round(1.02 * GB / 3), NOW)
    assert known is not None
    assert (known.sizes, known.learned_from) == (SizeOf.STORED, LearnedFrom.ACCEPTANCE)
    assert measured(known, TIER, GB // 2, NOW) is None, "nothing new"


def test_imports_that_began_before_a_refusal_do_not_refute_what_it_taught() -> None:
    known = after_refusal(round(0.45 * GB))
    assert known is not None
    assert known.sizes is SizeOf.INPUT
    assert measured(known, TIER, round(0.45 * GB), NOW) is None
    lagged = measured(known, TIER, round(0.9 * GB), NOW)
    assert lagged is not None
    assert lagged.sizes is SizeOf.STORED, "the sizes had lagged behind"


def test_a_later_refusal_counts() -> None:
    known = measured(None, TIER, GB // 2, NOW)
    again = refused(known, TIER, None, NOW + timedelta(hours=1))
    assert again is not None
    assert again.is_to_be_judged
    told = measured(again, TIER, GB // 3, NOW + timedelta(hours=1))
    assert told is not None
    assert told.sizes is SizeOf.INPUT


def test_many_refusals_at_once_are_noted_once() -> None:
    first = refused(None, TIER, GB, NOW)
    assert refused(first, TIER, GB, NOW) is None
    assert refused(first, TIER, None, NOW) is None
    other = refused(first, TIER, 2 * GB, NOW)
    assert other is not None
    assert other.cap == 2 * GB


def test_nothing_holds_for_another_tier() -> None:
    known = after_refusal(GB, 2 * GB)
    higher = tier_named("tier1")
    assert cap_of(known, higher, NOW) == 10 * GB
    use = use_of(known, higher, GB, NOW)
    assert (use.used, use.cap, use.is_assumed, use.cap_is_named) == (3 * GB, 10 * GB, True, False)
    anew = refused(known, higher, None, NOW)
    assert anew == replace(StorageReading("tier1"), refused_at=NOW)


@pytest.mark.parametrize(
    ("reported", "used", "told"),
    [(GB, GB, "the limit counts what the stores report"), (GB // 3, GB // 3 * 3, "3 times what")],
)
def test_what_is_used_follows_from_what_was_learned(reported: int, used: int, told: str) -> None:
    use = use_of(after_refusal(reported, GB), TIER, reported, NOW)
    assert (use.reported, use.used, use.is_assumed, use.cap_is_named) == (
        reported,
        used,
        False,
        True,
    )
    assert told in use.judged_by
    assert "a refusal (2026-03-01)" in use.judged_by
    careful = use_of(None, TIER, reported, NOW)
    assert (careful.used, careful.is_assumed) == (3 * reported, True)
    assert "careful reading" in careful.judged_by
