"""The service that the engine and the scripts are measured against, in virtual time.

It admits so many metered requests in any 60 seconds, and so many a day. A refused request uses none
of the quota, so nothing but the caller's own waiting keeps it from the rest. No refusal says how
long to wait, which is the harder case.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

METERED = ("upload", "import_file")

UPLOAD, IMPORT_CALL, GET, REFUSED = 1.0, 0.7, 0.25, 0.25
"""Seconds that a call takes."""

RAW_FILE = 2.0
"""Seconds from an upload until the raw file can be imported."""

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

RESET = 8 * HOUR
"""When the day's quota begins anew: midnight in Los Angeles in winter, in UTC."""


class Refusal(Enum):
    """Why a request is refused."""

    RATE = 429, "rate"
    DAY = 429, "day"
    UNAVAILABLE = 503, "unavailable"

    @property
    def code(self) -> int:
        """The HTTP status."""
        return self.value[0]


@dataclass(frozen=True, slots=True)
class Span:
    """From ``begin`` to ``end``, in seconds since the start of the run."""

    begin: float
    end: float

    def __contains__(self, at: float) -> bool:
        return self.begin <= at < self.end

    def within(self, end: float) -> float:
        """How much of it is before ``end``."""
        return max(0.0, min(self.end, end) - self.begin)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the service does; times are seconds since the start of the run.

    Attributes:
        rates: Admitted requests a minute from a time on, in order; the first one is from 0 on.
        import_seconds: How long an import takes.
        a_day: Admitted requests a day; None: any number.
        bursts: When every metered request gets a 429.
        storms: When every call gets a 503.
    """

    rates: Sequence[tuple[float, float]]
    import_seconds: float = 8.0
    a_day: int | None = None
    bursts: Sequence[Span] = ()
    storms: Sequence[Span] = ()

    def rate(self, at: float) -> float:
        """Admitted requests a minute at a time."""
        return [rate for since, rate in self.rates if since <= at][-1]

    def capacity(self, began: float, end: float, starts_at: float) -> float:
        """The requests that could be admitted from ``began`` to ``end``.

        Args:
            began, end: Seconds since the start of the run.
            starts_at: The time of day at the run's start, in seconds.
        """
        days = [began]
        while self.a_day is not None and (reset := _next_reset(days[-1], starts_at)) < end:
            days.append(reset)
        parts = zip(days, [*days[1:], end], strict=True)
        most = float("inf") if self.a_day is None else self.a_day
        return sum(min(most, self._admitted(*part)) for part in parts)

    def _admitted(self, began: float, end: float) -> float:
        changes = [began, *(at for at, _ in self.rates if began < at < end), end]
        total = 0.0
        for first, last in pairwise(changes):
            lost = sum(
                each.within(last) - each.within(first) for each in (*self.bursts, *self.storms)
            )
            total += self.rate(first) * (last - first - lost) / MINUTE
        return total


def _next_reset(after: float, starts_at: float) -> float:
    of_day = (after + starts_at - RESET) % DAY
    return after + DAY - of_day


@dataclass(slots=True)
class QuotaService:
    """Decides about each call, and keeps what became of the metered ones.

    Attributes:
        behaviour: What it does.
        starts_at: The time of day at the run's start, in seconds.
        admitted: Metered requests by the minute since the start.
        refused: Those that got a 429, likewise.
    """

    behaviour: Behaviour
    starts_at: float
    admitted: dict[int, int] = field(default_factory=dict)
    refused: dict[int, int] = field(default_factory=dict)
    _latest: deque[float] = field(default_factory=deque)
    _today: int = 0
    _reset: float = 0.0

    def refusal(self, call: str, now: float) -> Refusal | None:
        """Why a call that comes now is refused; None if it isn't."""
        if any(now in storm for storm in self.behaviour.storms):
            return Refusal.UNAVAILABLE
        if call not in METERED:
            return None
        found = self._of_metered(now)
        counts = self.refused if found else self.admitted
        minute = int(now // MINUTE)
        counts[minute] = counts.get(minute, 0) + 1
        return found

    def _of_metered(self, now: float) -> Refusal | None:
        if now >= self._reset:
            self._today, self._reset = 0, _next_reset(now, self.starts_at)
        if self.behaviour.a_day is not None and self._today >= self.behaviour.a_day:
            return Refusal.DAY
        while self._latest and self._latest[0] <= now - MINUTE:
            self._latest.popleft()
        in_burst = any(now in burst for burst in self.behaviour.bursts)
        if in_burst or len(self._latest) >= int(self.behaviour.rate(now)):
            return Refusal.RATE
        self._latest.append(now)
        self._today += 1
        return None

    def share_refused(self, since: float) -> float:
        """The share of metered requests that got a 429, from a full minute on."""
        first = int(since // MINUTE)
        admitted, refused = (
            sum(count for minute, count in counts.items() if minute >= first)
            for counts in (self.admitted, self.refused)
        )
        return refused / (admitted + refused) if admitted + refused else 0.0
