"""The start of one metered delivery: at once if it is on time, else when no other one starts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from shared.domain.throttle import breaker, late_starts, spacing
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.late_starts import Bookings, Places
from shared.gateways.database.records import BREAKER, Stored, bookings_path
from shared.services.context import Context


class StartTurn(StrEnum):
    """What a delivery does next: starts, reads all again after its wait, or gives its slot back."""

    NOW = "now"
    WAITED = "waited"
    GIVEN_BACK = "given_back"


class BookedStart:
    """The start of one delivery, which waits ``rules.start_wait`` for it at most, in all."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._latest = context.clock.now() + context.rules.start_wait
        self._at: datetime | None = None

    def take(self, planned_at: datetime, state: Stored[BreakerState]) -> StartTurn:
        """Start, wait for a start, or leave; on time, mostly without reading or writing anything.

        Args:
            planned_at: When the delivery was planned.
            state: The breaker's record, as read just before.

        Raises:
            Conflict: too many deliveries book at once.
        """
        now = self._context.clock.now()
        at = self._at or planned_at
        if not late_starts.is_late(at, now) and (self._at or not _is_marked(state.record, now)):
            return StartTurn.NOW
        known = state.record or BreakerState()
        rules = self._context.rules
        slowdown = breaker.slowdown(known, rules.breaker)
        interval = spacing.spacing(rules.settings.tier.rpm, slowdown)
        places = Places(interval, rules.start_wait)
        path = bookings_path(places.share(planned_at))
        bookings = self._context.records.get(Bookings, path)
        now = self._context.clock.now()
        if not late_starts.is_late(at, now) and _is_free(bookings.record, now):
            return StartTurn.NOW
        return self._book(places, planned_at, state, bookings)

    def _book(
        self,
        places: Places,
        planned_at: datetime,
        state: Stored[BreakerState],
        bookings: Stored[Bookings],
    ) -> StartTurn:
        clock = self._context.clock
        starts: list[datetime | None] = []

        def decide(stored: Stored[Bookings]) -> Bookings | None:
            starts.append(
                late_starts.bookable(
                    places, stored.record or Bookings(), planned_at, clock.now(), self._latest
                )
            )
            return late_starts.booked(places, starts[-1]) if starts[-1] else None

        self._mark(places, state)
        self._context.records.change(Bookings, bookings.path, decide, known=bookings)
        start = starts[-1]
        if start is None:
            return StartTurn.GIVEN_BACK
        # A booking written after its time may not have been seen: the next look books again.
        self._at = start if clock.now() <= start else planned_at
        clock.sleep(max((self._at - clock.now()).total_seconds(), 0))
        return StartTurn.WAITED

    def _mark(self, places: Places, state: Stored[BreakerState]) -> None:
        """Make deliveries that are on time look for bookings; one write in most of a minute."""

        def marked(stored: Stored[BreakerState]) -> BreakerState | None:
            record = stored.record or BreakerState()
            until = late_starts.mark_until(
                places, self._context.clock.now(), record.late_starts_until
            )
            return replace(record, late_starts_until=until) if until else None

        self._context.records.change(BreakerState, BREAKER, marked, known=state)


def _is_marked(state: BreakerState | None, now: datetime) -> bool:
    until = state.late_starts_until if state else None
    return until is not None and now < until


def _is_free(bookings: Bookings | None, now: datetime) -> bool:
    free_at = bookings.next_free_at if bookings else None
    return free_at is None or free_at <= now
