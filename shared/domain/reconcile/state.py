"""The progress and the findings of a reconcile: records under its batch."""

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
    """The progress of a reconcile, at ``batches/{id}/reconcile/state``.

    Attributes:
        stage: The current stage.
        started_at: When the listing began; it may lack documents indexed since then.
        position: Where the stage continues: a page token, or the last path seen.
        pages: Number of pages stored at ``batches/{id}/listing``.
        matched: Number of listed documents that are their record's current document.
        waiting: Number of listed documents to decide about once the listing is complete.
        missing: Number of records whose document was not listed, as the difference of two counts.
        ghosts: Number of records whose document is certainly gone.
        counts: Number of documents listed and adopted, and of discrepancies by kind.
        findings: Some of the discrepancies, with names.
        others: Names of some listed documents that another deployment made.
        failures: Failed Gemini calls in a row.
        schema_version: Version of this record's schema.
        expires_at: When the database may drop it.
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
    others: tuple[str, ...] = ()
    failures: int = 0
    schema_version: int = 1
    expires_at: datetime | None = None

    @property
    def are_any_ours(self) -> bool:
        """Whether a document of the deployment has been listed so far."""
        return self.counts.get("listed", 0) > self.counts.get(Discrepancy.FOREIGN, 0)


_FOUND_ANEW = ("listed", Discrepancy.FOREIGN, Discrepancy.UNDECIDED)
"""Another listing counts these again. Corrected discrepancies stay: it doesn't find them again."""


def again(state: ReconcileState, now: datetime) -> ReconcileState:
    """The state at the start of another listing for the same batch."""
    return ReconcileState(
        started_at=now,
        counts={kind: count for kind, count in state.counts.items() if kind not in _FOUND_ANEW},
        findings=tuple(each for each in state.findings if each.kind not in _FOUND_ANEW),
        expires_at=state.expires_at,
    )


@dataclass(frozen=True, slots=True)
class ListedDocuments:
    """Part of a listing, at ``batches/{id}/listing/{index}``.

    Attributes:
        index: Number of the part.
        live: Short ids of listed documents that are not FAILED.
        unknown: Listed documents that their path's record doesn't know.
        schema_version: Version of this record's schema.
        expires_at: When the database may drop it.
    """

    index: int
    live: tuple[str, ...] = ()
    unknown: tuple[StoredDocument, ...] = ()
    schema_version: int = 1
    expires_at: datetime | None = None
