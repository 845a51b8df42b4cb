from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.batch.lease import (
    Lease,
    LeaseHeld,
    LeasePolicy,
    acquire,
    may_take_over_at,
    release,
    renew,
)
from shared.domain.errors import LostLease
from shared.domain.time_scale import scaled

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
POLICY = LeasePolicy()  # five minutes, stop one before the end, take over ten after it


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


FIRST = acquire(None, "batch-1", "n1", START, POLICY)  # to 12:05


def test_the_first_acquisition_has_fence_one() -> None:
    expected = Lease(
        holder="batch-1",
        nonce="n1",
        fence=1,
        acquired_at=START,
        expires_at=at(5),
        released=False,
        taken_over=False,
    )
    assert acquire(None, "batch-1", "n1", START, POLICY) == expected


@pytest.mark.parametrize("minutes", [0, 4.99, 5, 14.99])
def test_a_lease_that_is_live_or_ended_uncleanly_just_now_is_not_to_be_had(minutes: float) -> None:
    with pytest.raises(LeaseHeld) as caught:
        acquire(FIRST, "batch-2", "n2", at(minutes), POLICY)

    assert (caught.value.holder, caught.value.until) == ("batch-1", at(15))


def test_after_an_unclean_end_one_function_timeout_more_is_waited() -> None:
    second = acquire(FIRST, "batch-2", "n2", at(15), POLICY)

    assert (second.holder, second.fence, second.taken_over) == ("batch-2", 2, True)
    assert second.expires_at == at(20)


def test_the_same_batch_also_waits_for_its_own_lost_process() -> None:
    with pytest.raises(LeaseHeld):
        acquire(FIRST, "batch-1", "n2", at(6), POLICY)


def test_an_acquisition_whose_reply_was_lost_is_found_by_its_nonce() -> None:
    assert acquire(FIRST, "batch-1", "n1", at(1), POLICY) is FIRST


def test_an_ended_lease_is_not_regained_by_its_nonce() -> None:
    with pytest.raises(LeaseHeld):
        acquire(FIRST, "batch-1", "n1", at(5), POLICY)


def test_after_a_clean_release_the_lease_is_free_at_once() -> None:
    released = release(FIRST, "batch-1", "n1", 1, at(2))

    second = acquire(released, "batch-2", "n2", at(2), POLICY)

    assert may_take_over_at(released, POLICY) == at(2)
    assert (second.fence, second.taken_over) == (2, False)


def test_releasing_keeps_the_fence_and_ends_the_lease() -> None:
    released = release(FIRST, "batch-1", "n1", 1, at(2))

    assert (released.fence, released.released, released.expires_at) == (1, True, at(2))


def test_releasing_twice_changes_nothing() -> None:
    released = release(FIRST, "batch-1", "n1", 1, at(2))

    assert release(released, "batch-1", "n1", 1, at(3)) is released


def test_a_holder_may_still_say_that_it_is_done_after_its_lease_ended() -> None:
    released = release(FIRST, "batch-1", "n1", 1, at(7))

    assert may_take_over_at(released, POLICY) == at(5)


def test_renewing_moves_the_end_and_keeps_fence_and_nonce() -> None:
    renewed = renew(FIRST, "batch-1", "n1", 1, at(4), POLICY)

    assert (renewed.fence, renewed.nonce, renewed.expires_at) == (1, "n1", at(9))
    assert renewed.acquired_at == START


def test_renewing_never_brings_the_end_nearer() -> None:
    shorter = LeasePolicy(duration=timedelta(minutes=3))

    assert renew(FIRST, "batch-1", "n1", 1, at(1), shorter).expires_at == at(5)


def test_a_lease_that_was_extended_just_now_is_not_written() -> None:
    assert renew(FIRST, "batch-1", "n1", 1, at(0.9), POLICY) is FIRST
    assert renew(FIRST, "batch-1", "n1", 1, at(1), POLICY).expires_at == at(6)


@pytest.mark.parametrize("minutes", [5, 6, 100])
def test_an_ended_lease_is_never_renewed_though_nobody_took_it(minutes: float) -> None:
    with pytest.raises(LostLease):
        renew(FIRST, "batch-1", "n1", 1, at(minutes), POLICY)


def test_a_released_lease_is_not_renewed() -> None:
    released = release(FIRST, "batch-1", "n1", 1, at(2))

    with pytest.raises(LostLease):
        renew(released, "batch-1", "n1", 1, at(1), POLICY)


@pytest.mark.parametrize(
    ("holder", "nonce", "fence"),
    [("batch-2", "n1", 1), ("batch-1", "n2", 1), ("batch-1", "n1", 0), ("batch-1", "n1", 2)],
)
def test_holder_nonce_and_fence_must_all_be_right(holder: str, nonce: str, fence: int) -> None:
    with pytest.raises(LostLease):
        renew(FIRST, holder, nonce, fence, at(1), POLICY)
    with pytest.raises(LostLease):
        release(FIRST, holder, nonce, fence, at(1))


def test_without_a_record_there_is_no_lease_to_use() -> None:
    with pytest.raises(LostLease):
        renew(None, "batch-1", "n1", 1, at(1), POLICY)
    with pytest.raises(LostLease):
        release(None, "batch-1", "n1", 1, at(1))


def test_the_fence_grows_with_every_acquisition() -> None:
    lease = Lease()
    fences = []
    for turn in range(4):
        lease = acquire(lease, f"batch-{turn}", f"n{turn}", at(turn), POLICY)
        fences.append(lease.fence)
        lease = release(lease, f"batch-{turn}", f"n{turn}", lease.fence, at(turn))

    assert fences == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("field", "minutes", "rule"),
    [
        ("duration", 1.9, "2 x renew_interval <= duration"),
        ("renew_interval", 2.6, "2 x renew_interval <= duration"),
        ("renew_interval", 0, "0 < renew_interval"),
        ("takeover_delay", 0, "0 < takeover_delay"),
    ],
)
def test_durations_that_do_not_nest_are_refused(field: str, minutes: float, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        LeasePolicy(**{field: timedelta(minutes=minutes)})


def test_scaling_divides_all_durations() -> None:
    assert scaled(POLICY, 60) == LeasePolicy(
        duration=timedelta(seconds=5),
        renew_interval=timedelta(seconds=1),
        takeover_delay=timedelta(seconds=10),
    )
