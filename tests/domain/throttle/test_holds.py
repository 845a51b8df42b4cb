from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from shared.domain.errors import QuotaKind
from shared.domain.throttle.holds import (
    Hold,
    HoldPolicy,
    HoldReason,
    hold_for,
    in_force,
    merge,
    next_quota_reset,
    quota_day,
)
from shared.domain.time_scale import scaled

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("now", "reset"),
    [
        ("2026-01-15T07:59:59+00:00", "2026-01-15T08:00:00+00:00"),  # winter: UTC-8
        ("2026-01-15T08:00:00+00:00", "2026-01-16T08:00:00+00:00"),  # midnight itself: the next
        ("2026-07-01T23:30:00+00:00", "2026-07-02T07:00:00+00:00"),  # summer: UTC-7
        ("2026-03-08T09:00:00+00:00", "2026-03-09T07:00:00+00:00"),  # a day of 23 hours
        ("2026-11-01T08:00:00+00:00", "2026-11-02T08:00:00+00:00"),  # a day of 25 hours
        ("2027-01-01T09:00:00+09:00", "2027-01-01T08:00:00+00:00"),  # asked from Tokyo
    ],
)
def test_the_quota_resets_at_the_next_pacific_midnight(now: str, reset: str) -> None:
    assert next_quota_reset(datetime.fromisoformat(now)).isoformat() == reset


def test_the_quota_day_is_the_pacific_one() -> None:
    assert quota_day(datetime(2026, 7, 2, 6, 59, tzinfo=UTC)) == date(2026, 7, 1)
    assert quota_day(datetime(2026, 7, 2, 7, 0, tzinfo=UTC)) == date(2026, 7, 2)


def test_a_day_is_held_until_just_after_its_reset() -> None:
    hold = hold_for(HoldReason.DAY, NOON, HoldPolicy())

    assert hold.hold_until == datetime(2026, 3, 3, 8, 1, tzinfo=UTC)
    assert hold.set_at == NOON


@pytest.mark.parametrize(
    ("reason", "minutes"),
    [(HoldReason.STORAGE, 1), (HoldReason.SPEND, 2), (HoldReason.ACCOUNT, 3)],
)
def test_what_a_person_must_mend_is_tried_again_after_the_time_of_its_own(
    reason: HoldReason, minutes: int
) -> None:
    policy = HoldPolicy(
        storage=timedelta(minutes=1), spend=timedelta(minutes=2), account=timedelta(minutes=3)
    )

    assert hold_for(reason, NOON, policy).hold_until == after(minutes)


def test_every_quota_that_is_not_a_rate_is_a_reason_to_hold() -> None:
    kinds = {kind for kind in QuotaKind if kind is not QuotaKind.RATE}

    assert {HoldReason(kind) for kind in kinds} == {
        HoldReason.DAY,
        HoldReason.STORAGE,
        HoldReason.SPEND,
    }


def test_a_hold_ends_at_its_time() -> None:
    hold = hold_for(HoldReason.ACCOUNT, NOON, HoldPolicy())

    assert in_force(hold, after(9.99)) is hold
    assert in_force(hold, after(10)) is None


def test_no_hold_is_in_force_without_one() -> None:
    assert in_force(None, NOON) is None
    assert in_force(Hold(), NOON) is None


STORAGE = hold_for(HoldReason.STORAGE, NOON, HoldPolicy())  # to 13:00, metered calls
DAY = hold_for(HoldReason.DAY, NOON, HoldPolicy())  # to the next morning, metered calls
ACCOUNT = hold_for(HoldReason.ACCOUNT, NOON, HoldPolicy())  # to 12:10, every call


@pytest.mark.parametrize(
    ("current", "new", "minutes", "kept"),
    [
        (None, STORAGE, 0, STORAGE),
        (STORAGE, DAY, 0, DAY),
        (DAY, STORAGE, 0, DAY),
        (DAY, ACCOUNT, 0, ACCOUNT),
        (ACCOUNT, DAY, 0, ACCOUNT),
        (ACCOUNT, DAY, 10, DAY),
    ],
    ids=[
        "the first",
        "a later end",
        "an earlier end",
        "a wider scope",
        "a narrower scope",
        "the wider one is over",
    ],
)
def test_of_two_holds_the_wider_then_the_longer_is_kept(
    current: Hold | None, new: Hold, minutes: float, kept: Hold
) -> None:
    assert merge(current, new, after(minutes)) is kept


def test_scaling_shortens_what_is_waited_for_but_not_the_services_midnight() -> None:
    policy = scaled(HoldPolicy(), 60)

    assert policy.storage == timedelta(minutes=1)
    assert policy.account == timedelta(seconds=10)
    assert hold_for(HoldReason.DAY, NOON, policy) == DAY


@pytest.mark.parametrize("reason", ["storage", "spend", "account"])
def test_a_policy_that_holds_nothing_is_refused(reason: str) -> None:
    with pytest.raises(ValueError, match=f"0 < {reason}"):
        HoldPolicy(**{reason: timedelta(0)})
