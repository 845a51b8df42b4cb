"""The breaker's window: how the latest metered calls ended, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import takewhile

from shared.domain.throttle.breaker_policy import BreakerPolicy

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class EntryOutcome(StrEnum):
    """Whether a call got a 429."""

    SUCCESS = "success"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class WindowEntry:
    """How one metered call ended, at ``breaker/state/window/{auto}``.

    The defaults are a success that belongs to no generation.
    """

    at: datetime = NEVER
    outcome: EntryOutcome = EntryOutcome.SUCCESS
    schema_version: int = 1
    generation: int = -1
    batch_id: str = ""
    call: str = ""
    expires_at: datetime | None = None

    @property
    def throttled(self) -> bool:
        """Whether this was a 429."""
        return self.outcome is EntryOutcome.THROTTLED


Window = Sequence[WindowEntry]
"""The latest entries in the database, newest first: at most ``window_size``."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Number of calls, and of those that got a 429."""

    calls: int
    throttled: int

    @property
    def share(self) -> float:
        """The share of calls that got a 429; 0 without calls."""
        return self.throttled / self.calls if self.calls else 0.0


def window_entry(
    outcome: EntryOutcome,
    *,
    generation: int,
    batch_id: str,
    call: str,
    now: datetime,
    policy: BreakerPolicy,
) -> WindowEntry:
    """The entry for a call that ended now; it expires after ``policy.window_retention``."""
    return WindowEntry(
        at=now,
        outcome=outcome,
        generation=generation,
        batch_id=batch_id,
        call=call,
        expires_at=now + policy.window_retention,
    )


def tally(window: Window, generation: int, policy: BreakerPolicy) -> Tally:
    """Count the entries of one generation in the window."""
    entries = _of_generation(window, generation, policy)
    return Tally(len(entries), sum(entry.throttled for entry in entries))


def is_tripped(window: Window, generation: int, policy: BreakerPolicy) -> bool:
    """Whether this generation has too many 429s in the window, or too many in a row."""
    in_all = tally(window, generation, policy).throttled
    latest = _of_generation(window, generation, policy)
    in_a_row = len(list(takewhile(lambda entry: entry.throttled, latest)))
    return in_all >= policy.throttle_threshold or in_a_row >= policy.consecutive_threshold


def is_repeated(window: Window) -> bool:
    """Whether the two newest entries are 429s."""
    return len(window) > 1 and window[0].throttled and window[1].throttled


def began_at(window: Window, policy: BreakerPolicy) -> datetime | None:
    """When the oldest entry of a full window was made; None if the window isn't full."""
    return window[policy.window_size - 1].at if len(window) >= policy.window_size else None


def last_success_at(window: Window) -> datetime | None:
    """When a metered call last succeeded; None if the window has no success."""
    return max((entry.at for entry in window if not entry.throttled), default=None)


def _of_generation(window: Window, generation: int, policy: BreakerPolicy) -> list[WindowEntry]:
    return [entry for entry in window[: policy.window_size] if entry.generation == generation]
