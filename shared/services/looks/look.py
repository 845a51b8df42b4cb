"""One file's turn in a run of the poller: requests of Gemini, and what its record becomes.

Looks run in parallel, and make no writes themselves. What they decide is kept, and the run commits
it. So whatever becomes of one look is no matter of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.domain.errors import GatewayError
from shared.domain.file.record import FileRecord, Requests
from shared.domain.throttle.holds import HoldReason
from shared.domain.throttle.imports_limit import Ended
from shared.gateways.database.records import Stored
from shared.gateways.ports import Write
from shared.services.worker.claim import Transition
from shared.services.worker.file_work import FileWork, HandedOn


@dataclass(slots=True)
class LookedAtFile:
    """A file's record as it was read, and as the look wants it. Nothing is written here.

    Attributes:
        stored: The record as it was read, or as the run has written it since.
        record: What it is to become.
        also: What is to be written in the same commit.
        is_given_up: Whether the run has stopped waiting for this look, which is to make no more
            requests.
    """

    stored: Stored[FileRecord]
    record: FileRecord = field(init=False)
    also: list[Write] = field(default_factory=list)
    is_given_up: bool = False
    _requests: Requests = field(default_factory=Requests)

    def __post_init__(self) -> None:
        self.record = self.stored.present

    def count(self, *, metered: int = 0, throttled: int = 0, unmetered: int = 0) -> None:
        """Count requests about to be made for this file. Raises ``HandedOn`` if it is given up."""
        if self.is_given_up:
            raise HandedOn
        self._requests += Requests(metered, throttled, unmetered)

    def apply(self, transition: Transition, also: Sequence[Write] = ()) -> None:
        """Keep a change of the record, and what is to be written with it."""
        self.record = transition(self.record)
        self.also += also

    def saved(self, version: object) -> None:
        """The record was written as it was to become."""
        self.stored = replace(self.stored, record=self.counted, version=version)
        self.record = self.stored.present
        self.also, self._requests = [], Requests()

    @property
    def counted(self) -> FileRecord:
        """What the record is to become, with the requests made for it."""
        return replace(self.record, requests=self.record.requests + self._requests)

    def is_stale(self, document: str) -> bool:
        """Whether the database's record says that this document is given up."""
        return document in self.stored.present.stale_documents


@dataclass(slots=True)
class NotedReports:
    """What a look has to report about the service, until the run reports it.

    Attributes:
        errors: Failed unmetered calls.
        failed_documents: How many documents turned FAILED that were not too many at once.
        ended: Imports that tell how many may be in progress.
        refused: Whether the account is refused.
    """

    errors: list[GatewayError] = field(default_factory=list)
    failed_documents: int = 0
    ended: list[Ended] = field(default_factory=list)
    refused: bool = False

    def unmetered_failed(self, error: GatewayError, generation: int | None = None) -> None:  # noqa: ARG002 - a look knows none
        """Note a failed call."""
        self.errors.append(error)

    def document_failed(self) -> None:
        """Note a FAILED document."""
        self.failed_documents += 1

    def hold(self, reason: HoldReason) -> None:
        """Note that the account is refused, the only reason that a look finds."""
        self.refused = reason is HoldReason.ACCOUNT


@dataclass(frozen=True, slots=True)
class Look(FileWork):
    """A look at one file.

    Attributes:
        next: What to do once the record is written as it is now; empty for nothing.
        moves: When the file moved on, so that the supervisor may have something to do.
    """

    gate: NotedReports
    file: LookedAtFile
    next: list[Callable[[], None]] = field(default_factory=list)
    moves: list[datetime] = field(default_factory=list)

    def after_commit(self, then: Callable[[], None]) -> None:
        """End this look here; ``then`` goes on with it once the record is written.

        For requests that may only be made once the record says so. If the process dies in between,
        the next look finds what the record says.
        """
        self.next.append(then)

    def nudge(self) -> None:
        """Let the run call the supervisor after its commit."""
        self.moves.append(self.now())

    def wake(self, at: datetime) -> None:
        """Leave it to the run, which reads in the records when to run again."""
