"""Decides whether a call of Gemini may be made, and records what its result means for later calls.

All of this concerns the service, never a file: a 429 or a storm of errors never counts against a
file. The rules are in ``domain.throttle.breaker`` and ``domain.throttle.holds``; this module reads
and writes their records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from shared.domain.errors import GatewayError, OutcomeUnknown, QuotaKind, Throttled, Unavailable
from shared.domain.estimate import storage_reading
from shared.domain.estimate.storage_reading import StorageReading
from shared.domain.file.record import Accepted
from shared.domain.throttle import breaker, holds, unmetered
from shared.domain.throttle.breaker import Permit, Proceed, Wait
from shared.domain.throttle.breaker_state import BreakerState, CircuitState
from shared.domain.throttle.breaker_window import EntryOutcome, WindowEntry, window_entry
from shared.domain.throttle.holds import Hold, HoldReason
from shared.domain.throttle.learned_factor import on_document_failed
from shared.domain.throttle.unmetered import Polls
from shared.gateways.database.records import (
    BREAKER,
    POLLS,
    STORAGE,
    Stored,
    creating,
    replacing,
    window_path,
)
from shared.gateways.ports import Create, Write
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.throttle.latest_calls import latest_calls

IMPORT = "gemini.import_file"
"""The call that adds to a store."""


class CallGate:
    """The deployment's breaker and hold."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._policy = context.rules.breaker

    def read(self) -> BreakerState:
        """The breaker's record as it is now."""
        return self._context.records.get(BreakerState, BREAKER).record or BreakerState()

    def running(self, batch_id: str, part: str = "", *, known: Stored[BreakerState]) -> list[Write]:
        """The write that names the batch which may begin metered requests; empty: none may.

        It may for files with the prefix ``part``. Commit it together with what decides that.
        """
        state = known.record or BreakerState()
        named = replace(state, running=batch_id, part=part)
        return [] if named == state else [replacing(known, named)]

    def blocked_until(self, state: BreakerState) -> datetime | None:
        """The time until which no metered call may be made; None if one may be made now."""
        now = self._context.clock.now()
        standing = holds.in_force(state.hold, now)
        return standing.hold_until if standing else breaker.held_until(state, now)

    def admit(self, state: Stored[BreakerState], permit_id: str) -> Proceed | Wait:
        """Decide whether a metered call may be made now.

        In HALF_OPEN the breaker stores the permit, under ``permit_id``, before this returns.
        """
        now = self._context.clock.now()
        until = self.blocked_until(state.record or BreakerState())
        if until is not None:
            return Wait(until)
        admission = breaker.admit(state.record or BreakerState(), now, permit_id, self._policy)
        if isinstance(admission, Proceed) and admission.state is not None:
            return self._take_permit(state, permit_id)
        return admission

    def _take_permit(self, known: Stored[BreakerState], permit_id: str) -> Proceed | Wait:
        answer: list[Proceed | Wait] = []

        def decide(stored: Stored[BreakerState]) -> BreakerState | None:
            now = self._context.clock.now()
            state = stored.record or BreakerState()
            answer.append(breaker.admit(state, now, permit_id, self._policy))
            last = answer[-1]
            return last.state if isinstance(last, Proceed) else None

        self._context.records.change(BreakerState, BREAKER, decide, known=known)
        return answer[-1]

    # --- results ----------------------------------------------------------------------------

    def _entry(
        self, outcome: EntryOutcome, generation: int, at: datetime, batch_id: str, call: str
    ) -> Create:
        entry = window_entry(
            outcome,
            generation=generation,
            batch_id=batch_id,
            call=call,
            now=at,
            policy=self._policy,
        )
        return creating(window_path(self._context.new_id()), entry)

    def displaced(self, earlier: Accepted | None, *, batch_id: str, call: str) -> list[Write]:
        """The window entry of a success whose place in its file's record another one takes.

        Commit it together with that. None if the earlier one counts no more.
        """
        now = self._context.clock.now()
        if earlier is None or now - earlier.at > self._policy.window_retention:
            return []
        success = EntryOutcome.SUCCESS
        return [self._entry(success, earlier.generation, earlier.at, batch_id, call)]

    def throttled_entries(self, error: Throttled, permit: Permit, *, batch_id: str) -> list[Write]:
        """The window entry of a 429; none if an allowance is used up, since the rate was fine."""
        if self._hold_reason(error) is not None:
            return []
        now = self._context.clock.now()
        return [self._entry(EntryOutcome.THROTTLED, permit.generation, now, batch_id, error.call)]

    def succeeded(self, permit: Permit) -> None:
        """Record a metered call's success; a probe's success may close the breaker.

        Call it after the success is written in its file's record.
        """
        if permit.probe_id:
            self._change(lambda state, now: breaker.on_success(state, permit, now, self._policy))

    def return_permit(self, permit: Permit) -> None:
        """Return a probe's permit whose call had no result that counts, or was never made.

        Does nothing for a permit that a result has used up, or that is no probe's.
        """
        if permit.probe_id:
            self._change(lambda state, now: breaker.on_other_error(state, permit, now))

    def unmetered_failed(self, error: GatewayError, generation: int | None = None) -> None:
        """Record an unmetered call's failure; it has no effect on the file.

        A 429 slows the poller first, and holds metered calls only if it can't be slower.

        ``generation`` is the breaker's when the call was made; None means the present one. Errors
        of anything but Gemini are ignored.
        """
        if not error.is_of_gemini:
            return
        if generation is None:
            generation = self.read().generation
        permit = Permit(generation)
        if not isinstance(error, Throttled):
            self.failed(error, permit)
        elif (reason := self._hold_reason(error)) is not None:
            self._used_up(error, reason)
        elif self._slow_polls(error):
            self._change(
                lambda state, now: breaker.on_unmetered_throttled(
                    state, permit, now, self._policy, retry_after=error.retry_after
                )
            )

    def _slow_polls(self, error: Throttled) -> bool:
        """Make unmetered requests slower; True if they were as slow as they can be already."""
        asked = breaker.believed(error.retry_after, self._policy)
        was_slowest = False

        def decide(stored: Stored[Polls]) -> Polls:
            nonlocal was_slowest
            polls = stored.record or Polls()
            was_slowest = unmetered.is_slowest(polls)
            return unmetered.throttled(polls, asked, self._context.clock.now())

        self._context.records.change(Polls, POLLS, decide)
        return was_slowest

    def failed(self, error: GatewayError, permit: Permit) -> CircuitState:
        """Record a metered call's failure; call it after a 429's window entry is written.

        Returns the breaker's state after a 5xx; CLOSED after anything that can't be part of a
        storm of errors.
        """
        match error:
            case Throttled():
                self._throttled(error, permit)
            case Unavailable() | OutcomeUnknown() if (error.code or 0) >= HTTPStatus.BAD_REQUEST:
                window = self._window()
                return self._change(
                    lambda state, now: breaker.on_server_error(
                        state, window, permit, now, self._policy
                    )
                ).state
        return CircuitState.CLOSED

    def _throttled(self, error: Throttled, permit: Permit) -> None:
        reason = self._hold_reason(error)
        if reason is not None:
            self._used_up(error, reason)
            return
        window = self._window()
        self._change(
            lambda state, now: breaker.on_throttled(
                state, window, permit, now, self._policy, retry_after=error.retry_after
            )
        )

    def _hold_reason(self, error: Throttled) -> HoldReason | None:
        """The reason to hold after a 429; None if only the rate was exceeded."""
        match error.quota:
            case QuotaKind.DAY:
                return HoldReason.DAY
            case QuotaKind.STORAGE:
                return HoldReason.STORAGE
            case QuotaKind.SPEND:
                return HoldReason.SPEND
            case QuotaKind.RATE:
                return None

    def _used_up(self, error: Throttled, reason: HoldReason) -> None:
        """Hold metered calls; a refusal of a store teaches about its storage, too.

        An upload may be refused because the raw files are too many; that says nothing of stores.
        """
        of_store = error.storage_limit is not None or error.call == IMPORT
        if reason is HoldReason.STORAGE and of_store:
            tier, limit = self._context.rules.settings.tier, error.storage_limit
            self._context.records.change(
                StorageReading,
                STORAGE,
                lambda stored: storage_reading.refused(
                    stored.record, tier, limit, self._context.clock.now()
                ),
            )
        self.hold(reason)

    def documents_failed(self, number: int) -> None:
        """Record FAILED documents: many of them slow the pace, though every reply was good."""
        window = self._window()

        def decide(state: BreakerState, now: datetime) -> BreakerState | None:
            after = state
            for _ in range(number):
                after = on_document_failed(after, window, now, self._policy) or after
            return after

        self._change(decide)

    def hold(self, reason: HoldReason) -> BreakerState:
        """Hold metered calls for ``reason``, until its cause may have passed."""
        before: Hold | None = None

        def decide(state: BreakerState, now: datetime) -> BreakerState:
            nonlocal before
            before = holds.in_force(state.hold, now)
            new = holds.hold_for(reason, now, self._context.rules.holds)
            return replace(state, hold=holds.merge(state.hold, new, now))

        state = self._change(decide)
        after = state.hold
        if after is not None and (before is None or before.reason is not after.reason):
            until = after.hold_until.isoformat(timespec="seconds")
            emit(
                Event.HOLD_BEGAN,
                f"Metered requests are held until {until} ({after.reason}).",
                reason=after.reason.value,
                until=until,
            )
        return state

    # --- time -------------------------------------------------------------------------------

    def account_answered(self) -> None:
        """End a hold for the account: the store was read with the present key."""

        def decide(state: BreakerState, now: datetime) -> BreakerState | None:
            hold = holds.in_force(state.hold, now)
            if hold is None or hold.reason is not HoldReason.ACCOUNT:
                return None
            return replace(state, hold=replace(hold, hold_until=now))

        self._change(decide)

    def tick(self) -> BreakerState:
        """Apply what time alone changes in the breaker, and return its state.

        That is: the cooldown's end, expired permits, and the rate regained.
        """
        state = self.read()
        if not breaker.is_tick_due(state, self._context.clock.now(), self._policy):
            return state
        window = self._window()
        rpm = self._context.rules.settings.tier.rpm
        return self._change(
            lambda state, now: breaker.on_tick(
                state, window, now, self._policy, preset_rate=rpm / 60
            )
        )

    def _window(self) -> list[WindowEntry]:
        return latest_calls(self._context.records, self._policy.window_size)

    def _change(
        self, decide: Callable[[BreakerState, datetime], BreakerState | None]
    ) -> BreakerState:
        before = BreakerState()

        def apply(stored: Stored[BreakerState]) -> BreakerState | None:
            nonlocal before
            before = stored.record or BreakerState()
            return decide(before, self._context.clock.now())

        after = self._context.records.change(BreakerState, BREAKER, apply).record or before
        _log_move(before, after)
        return after


def _log_move(before: BreakerState, after: BreakerState) -> None:
    """Log that the breaker changed its state, if it did."""
    opened = after.state is CircuitState.OPEN and after.generation != before.generation
    if opened and after.open_cause:
        seconds = after.cooldown_seconds
        emit(
            Event.BREAKER_OPENED,
            f"The breaker opened ({after.open_cause}): metered requests slow down, and are probed "
            f"after {seconds:g} s.",
            cause=after.open_cause.value,
            cooldown_seconds=seconds,
        )
    elif after.state is not before.state:
        emit(
            Event.BREAKER_MOVED,
            f"The breaker went from {before.state} to {after.state}.",
            state=after.state.value,
            learned_factor=round(after.learned_factor, 3),
        )
