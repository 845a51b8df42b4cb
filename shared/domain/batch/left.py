"""What a batch leaves to a later one: how many files, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LeftReason(StrEnum):
    """Why a batch leaves files: the reason of a hold (as in ``HoldReason``), or how it ended."""

    DAY = "day"
    STORAGE = "storage"
    SPEND = "spend"
    ACCOUNT = "account"
    BUDGET = "budget"
    OTHER_DEPLOYMENT = "other_deployment"
    PAUSED = "paused"
    """Somebody paused the batch, which is not over."""
    CANCELLED = "cancelled"
    REFUSED = "refused"
    """A guard refused its deletions or its imports."""
    FAILED = "failed"
    """The bucket, the store or the account stopped the batch, or its scan met an error."""
    AGE = "age"
    """It had run for the longest time that a batch may."""
    CHANGING = "changing"
    """Their objects changed each time they were to be imported."""
    FAILING = "failing"
    """Each of them fails whenever it is tried."""


REASON_TEXT = {
    LeftReason.DAY: "today's quota is used up",
    LeftReason.STORAGE: "the store is full",
    LeftReason.SPEND: "the credits or the spending cap are used up",
    LeftReason.ACCOUNT: "the service refuses the account",
    LeftReason.BUDGET: "the budget is used up",
    LeftReason.OTHER_DEPLOYMENT: "another deployment writes to the store",
    LeftReason.PAUSED: "the sync is paused",
    LeftReason.CANCELLED: "the sync was cancelled",
    LeftReason.REFUSED: "a guard refused",
    LeftReason.FAILED: "the sync could not go on",
    LeftReason.AGE: "the sync had run for as long as one may",
    LeftReason.CHANGING: "they changed each time they were to be imported",
    LeftReason.FAILING: "each of them fails whenever it is tried",
}
"""Each reason as a clause for people."""


@dataclass(frozen=True, slots=True)
class Left:
    """Files that a batch leaves.

    Attributes:
        files: Files of the deployment that wait for an import or a removal, or are under way.
        reason: Why; None without files, and while a batch is at work on them.
        until: When a sync may go on with them; None if no time is known.
    """

    files: int = 0
    reason: LeftReason | None = None
    until: datetime | None = None
