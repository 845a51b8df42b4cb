"""How far a reconcile is, and what it has found: records of the batch it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.domain.reconcile.judge import Discrepancy, StoredDocument


class Stage(StrEnum):
    LISTING = "listing"
    JUDGING = "judging"
    COUNTING_GHOSTS = "counting_ghosts"
    MENDING_GHOSTS = "mending_ghosts"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Discrepancy
    path: str
    document: str


@dataclass(frozen=True, slots=True)
class ReconcileState:
    """How far a reconcile is, at ``batches/{id}/reconcile/state``.

    Attributes:
        stage: What it is at.
        started_at: When its listing began: what was indexed since may not be in it.
        position: Where the stage goes on: a page token, or the last path seen.
        pages: Pages of documents noted at ``batches/{id}/listing``.
        matched: Documents listed that are their records' current ones.
        waiting: Documents listed that are judged when all is listed.
        missing: Records whose document was not listed, as far as two counts can tell.
        ghosts: Records whose document is certainly gone.
        counts: Documents listed and adopted, and discrepancies by kind.
        findings: Some of them by name.
        failures: Calls in a row that Gemini failed.
    """

    stage: Stage = Stage.LISTING
    started_at: datetime | None = None
    position: str = ""
    pages: int = 0
    matched: int = 0
    waiting: int = 0
    missing: int = 0
    ghosts: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    failures: int = 0
    schema_version: int = 1
    expires_at: datetime | None = None


_FOUND_ANEW = ("listed", Discrepancy.FOREIGN, Discrepancy.UNDECIDED)
"""What another listing finds again, or finds to be something else; what was mended stays told."""


def again(state: ReconcileState, now: datetime) -> ReconcileState:
    """The state of another listing for the same batch."""
    return ReconcileState(
        started_at=now,
        counts={kind: count for kind, count in state.counts.items() if kind not in _FOUND_ANEW},
        findings=tuple(each for each in state.findings if each.kind not in _FOUND_ANEW),
        expires_at=state.expires_at,
    )


@dataclass(frozen=True, slots=True)
class ListedDocuments:
    """Part of the listing, at ``batches/{id}/listing/{index}``; ``live`` holds short ids."""

    index: int
    live: tuple[str, ...] = ()
    unknown: tuple[StoredDocument, ...] = ()
    schema_version: int = 1
    expires_at: datetime | None = None
