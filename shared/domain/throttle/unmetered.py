"""The rate of unmetered requests: a learned share of what the tier allows, and who polls now.

A 429 of an unmetered request slows the polls first. Metered requests are held only if the polls
can't be slower. So a service that is asked too often about imports goes on importing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

CUT = 0.5
"""A 429 multiplies the share by this."""

STEP = 0.1
"""Added to the share by a run of the poller without a 429."""

FLOOR = 0.1
"""The least share."""

HOLD = timedelta(seconds=5)
"""How long the poller waits after a 429 that names no time."""


@dataclass(frozen=True, slots=True)
class Polls:
    """The poller's record, at ``breaker/polls``.

    Attributes:
        claim_id: The run that has claimed the looks; None without one.
        claimed_until: When its claim ends if the run doesn't give it back.
        share: Share of the tier's rate of unmetered requests that the service was found to accept.
        held_until: No look is made before this time; None without a hold.
        schema_version: Version of this record's schema.
    """

    claim_id: str | None = None
    claimed_until: datetime | None = None
    share: float = 1.0
    held_until: datetime | None = None
    schema_version: int = 1


def blocked_until(polls: Polls, now: datetime) -> datetime | None:
    """The end of the hold or of another run's claim; None if a run may begin."""
    ends = [end for end in (polls.held_until, polls.claimed_until) if end is not None and now < end]
    return max(ends, default=None)


def claimed(polls: Polls, claim_id: str, until: datetime) -> Polls:
    """The record, claimed by a run."""
    return replace(polls, claim_id=claim_id, claimed_until=until)


def given_back(polls: Polls, claim_id: str) -> Polls:
    """The record without this run's claim; unchanged if another run has claimed it since."""
    if polls.claim_id != claim_id:
        return polls
    return replace(polls, claim_id=None, claimed_until=None)


def is_slowest(polls: Polls) -> bool:
    """Whether another 429 can't make the polls slower."""
    return polls.share <= FLOOR


def throttled(polls: Polls, asked: timedelta, now: datetime) -> Polls:
    """The record after a 429, which asked for a wait (zero if it named none).

    Requests that were sent together get their 429s together: those during a hold cut no further.
    """
    until = max(now + (asked or HOLD), polls.held_until or now)
    is_held = polls.held_until is not None and now < polls.held_until
    share = polls.share if is_held else max(polls.share * CUT, FLOOR)
    return replace(polls, share=share, held_until=until)


def went_well(polls: Polls) -> Polls:
    """The record after a run without a 429."""
    return replace(polls, share=min(polls.share + STEP, 1.0))


def most_looks(polls: Polls, rpm: int, grid: timedelta) -> int:
    """How many files one run may look at; a look takes about two requests."""
    requests = polls.share * rpm * (grid / timedelta(minutes=1))
    return max(int(requests / 2), 1)
