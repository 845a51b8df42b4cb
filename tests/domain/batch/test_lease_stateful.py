"""Batches, some of which crash, fight over one lease; a plain list of grants is the judge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from shared.domain.batch.lease import Lease, LeaseHeld, LeasePolicy, acquire, release, renew
from shared.domain.errors import LostLease

MINUTE = timedelta(minutes=1)
POLICY = LeasePolicy(duration=5 * MINUTE, renew_interval=MINUTE, takeover_delay=3 * MINUTE)


@dataclass
class Grant:
    """One acquisition, in whole minutes: ``ends`` is when it stops being live."""

    holder: str
    nonce: str
    fence: int
    ends: int
    clean: bool = False

    @property
    def free_at(self) -> int:
        return self.ends if self.clean else self.ends + 3


class LeaseMachine(RuleBasedStateMachine):
    grants = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        self.minute = 0
        self.record: Lease | None = None
        self.history: list[Grant] = []

    @property
    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC) + self.minute * MINUTE

    def is_last(self, grant: Grant) -> bool:
        return bool(self.history) and self.history[-1] is grant

    def is_live(self, grant: Grant) -> bool:
        return self.is_last(grant) and not grant.clean and self.minute < grant.ends

    @rule(minutes=st.integers(1, 9))
    def time_passes(self, minutes: int) -> None:
        self.minute += minutes

    @rule(target=grants, holder=st.sampled_from(["a", "b", "c"]))
    def acquire(self, holder: str) -> object:
        nonce = f"n{len(self.history) + 1}"
        last = self.history[-1] if self.history else None
        if last is not None and self.minute < last.free_at:
            with pytest.raises(LeaseHeld) as caught:
                acquire(self.record, holder, nonce, self.now, POLICY)
            assert caught.value.holder == last.holder
            assert caught.value.until == self.now + (last.free_at - self.minute) * MINUTE
            return multiple()
        self.record = acquire(self.record, holder, nonce, self.now, POLICY)
        assert self.record.taken_over == (last is not None and not last.clean)
        grant = Grant(holder, nonce, len(self.history) + 1, self.minute + 5)
        self.history.append(grant)
        return grant

    @rule(grant=grants)
    def acquire_again_since_the_reply_was_lost(self, grant: Grant) -> None:
        if self.is_live(grant):
            again = acquire(self.record, grant.holder, grant.nonce, self.now, POLICY)
            assert again is self.record

    @rule(grant=grants)
    def renew(self, grant: Grant) -> None:
        renewal = (self.record, grant.holder, grant.nonce, grant.fence, self.now, POLICY)
        if self.is_live(grant):
            self.record = renew(*renewal)
            grant.ends = self.minute + 5
        else:
            with pytest.raises(LostLease):
                renew(*renewal)

    @rule(grant=grants)
    def release(self, grant: Grant) -> None:
        goodbye = (self.record, grant.holder, grant.nonce, grant.fence, self.now)
        if self.is_last(grant):
            self.record = release(*goodbye)
            if not grant.clean:
                grant.ends = min(grant.ends, self.minute)
            grant.clean = True
        else:
            with pytest.raises(LostLease):
                release(*goodbye)

    @rule(grant=consumes(grants))
    def crash(self, grant: Grant) -> None:
        """Its process is gone: nobody renews or releases this grant any more."""

    @invariant()
    def only_the_last_grant_can_be_renewed_and_only_before_others_may_start(self) -> None:
        renewable = []
        for grant in self.history:
            try:
                renew(self.record, grant.holder, grant.nonce, grant.fence, self.now, POLICY)
            except LostLease:
                continue
            renewable.append(grant)
            assert self.minute + 3 < grant.free_at  # the delay, at least

        assert renewable == [grant for grant in self.history if self.is_live(grant)]

    @invariant()
    def the_record_is_the_last_grant(self) -> None:
        if self.record is not None:
            assert self.record.fence == len(self.history)
            assert self.record.released == self.history[-1].clean


TestLease = LeaseMachine.TestCase
TestLease.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
