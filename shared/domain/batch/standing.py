"""Whether the store is in step with the bucket, as the latest syncs left it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.batch.batch import Batch
from shared.domain.batch.kinds import BatchStatus


class StandingState(StrEnum):
    """How store and bucket stand to each other."""

    NEVER_SYNCED = "never_synced"
    IN_STEP = "in_step"
    FILES_FAILED = "files_failed"
    """In step, except for files that failed."""
    BEHIND = "behind"
    """Files are left, and a later sync goes on with them."""
    REFUSED = "refused"
    """A guard refused, and a person has to decide."""
    STOPPED = "stopped"
    """The last sync could not go on."""


_STATES = {
    BatchStatus.COMPLETED: StandingState.IN_STEP,
    BatchStatus.COMPLETED_WITH_FAILURES: StandingState.FILES_FAILED,
    BatchStatus.CANCELLED: StandingState.BEHIND,
    BatchStatus.DEFERRED: StandingState.BEHIND,
    BatchStatus.REFUSED: StandingState.REFUSED,
    BatchStatus.FAILED: StandingState.STOPPED,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How store and bucket stand to each other.

    Attributes:
        state: The state that the last sync left.
        checked_at: When that sync ended; None before the first.
        since: When the state began: the end of the first of the latest syncs that left it, as far
            back as the given batches go.
    """

    state: StandingState = StandingState.NEVER_SYNCED
    checked_at: datetime | None = None
    since: datetime | None = None


def standing(batches: Sequence[Batch], prefix: str | None) -> Standing:
    """The standing after these batches, which are the latest ones, newest first.

    Dry runs, running batches and those of a part of the bucket say nothing of the whole.

    Args:
        batches: The batches.
        prefix: The deployment's prefix; None if it is not known.
    """
    whole = [
        each
        for each in batches
        if each.status.is_terminal
        and not each.dry_run
        and (prefix is None or each.prefix == prefix)
    ]
    if not whole:
        return Standing()
    state = _STATES[whole[0].status]
    since = whole[0].completed_at
    for each in whole:
        if _STATES[each.status] is not state:
            break
        since = each.completed_at
    return Standing(state, whole[0].completed_at, since)
