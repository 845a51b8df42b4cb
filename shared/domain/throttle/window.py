"""The breaker's window: the latest results of the store, and what can be read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import takewhile

from shared.domain.throttle.breaker_policy import BreakerPolicy

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class EntryOutcome(StrEnum):
    """How a call ended, as far as rates go."""

    SUCCESS = "success"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True)
class WindowEntry:
    """How one metered call ended, success or 429, at ``breaker/state/window/{auto}``.

    The defaults are an empty place, which counts as a success of no generation.
    """

    at: datetime = _NEVER
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
"""The store's latest entries, newest first: ``window_size`` of them, or all there are."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many calls there were, and how many of them got a 429."""

    calls: int
    throttled: int

    @property
    def share(self) -> float:
        """Of 429s; 0 where there were no calls."""
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
    """The entry for a result, to be kept as long as the policy wants."""
    return WindowEntry(
        at=now,
        outcome=outcome,
        generation=generation,
        batch_id=batch_id,
        call=call,
        expires_at=now + policy.window_retention,
    )


def tally(window: Window, generation: int, policy: BreakerPolicy) -> Tally:
    """Count this generation's part of the latest entries."""
    entries = _of_generation(window, generation, policy)
    return Tally(len(entries), sum(entry.throttled for entry in entries))


def is_tripped(window: Window, generation: int, policy: BreakerPolicy) -> bool:
    """Whether this generation's 429s are too many of the window, or too many in a row."""
    in_all = tally(window, generation, policy).throttled
    latest = _of_generation(window, generation, policy)
    in_a_row = len(list(takewhile(lambda entry: entry.throttled, latest)))
    return in_all >= policy.throttle_threshold or in_a_row >= policy.consecutive_threshold


def is_repeated(window: Window) -> bool:
    """Whether the two newest entries are 429s."""
    return len(window) > 1 and window[0].throttled and window[1].throttled


def is_clean(window: Window, generation: int, policy: BreakerPolicy) -> bool:
    """Whether the window is full, all of this generation, and without a 429."""
    return tally(window, generation, policy) == Tally(policy.window_size, 0)


def began_at(window: Window, policy: BreakerPolicy) -> datetime | None:
    """When the oldest entry of a full window was made; None if the window isn't full."""
    return window[policy.window_size - 1].at if len(window) >= policy.window_size else None


def last_success_at(window: Window) -> datetime | None:
    """When a metered call last succeeded, as far as the window tells."""
    return max((entry.at for entry in window if not entry.throttled), default=None)


def _of_generation(window: Window, generation: int, policy: BreakerPolicy) -> list[WindowEntry]:
    return [entry for entry in window[: policy.window_size] if entry.generation == generation]
