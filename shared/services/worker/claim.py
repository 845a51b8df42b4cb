"""A file record in the hands of one delivery: every write holds only while the claim does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from shared.domain.errors import Conflict, SyncError
from shared.domain.file.record import FileRecord, Requests
from shared.gateways.database.records import Stored
from shared.gateways.ports import Update, Write
from shared.services.context import Context

Transition = Callable[[FileRecord], FileRecord]


class Abandoned(SyncError):
    """The claim is somebody else's by now, who goes on with the file."""


class ClaimedFile:
    """One claimed record. ``record`` is the latest known state of it."""

    def __init__(self, context: Context, stored: Stored[FileRecord]) -> None:
        self._context = context
        self._stored = stored
        self._claim_id: str | None = None
        self._requests = Requests()

    @property
    def record(self) -> FileRecord:
        return self._stored.present

    def count(self, *, metered: int = 0, throttled: int = 0, unmetered: int = 0) -> None:
        """Note requests made for this file; written along with the next change."""
        self._requests += Requests(metered, throttled, unmetered)

    def claim(self, transition: Transition, also: Sequence[Write] = ()) -> None:
        """The first write: takes the claim, unless the record has changed since it was read.

        Raises:
            Conflict: it has; read it again and decide again.
        """
        new = transition(self.record)
        self._claim_id = new.claim.id if new.claim else None
        self._stored = self._context.records.write(self._stored, new, also)

    def apply(self, transition: Transition, also: Sequence[Write] = ()) -> None:
        """Change the record, on top of whatever a scan has written to it meanwhile.

        Raises:
            Abandoned: another delivery holds the file by now. ``also`` is written all the same:
                it tells what this delivery did.
        """
        counted = self._requests

        def decide(stored: Stored[FileRecord]) -> FileRecord:
            record = stored.record
            if record is None or record.claim is None or record.claim.id != self._claim_id:
                raise Abandoned("another delivery holds the file")
            after = transition(record)
            return replace(after, requests=after.requests + counted)

        try:
            self._stored = self._changed(decide, also)
        except Abandoned:
            if also:
                self._context.records.documents.commit(self._applicable(also))
            raise
        self._requests = Requests()

    def _changed(
        self, decide: Callable[[Stored[FileRecord]], FileRecord], also: Sequence[Write]
    ) -> Stored[FileRecord]:
        change = partial(
            self._context.records.change, FileRecord, self._stored.path, decide, known=self._stored
        )
        try:
            return change(also=also)
        except Conflict:
            applicable = self._applicable(also)
            if len(applicable) == len(also):
                raise
            return change(also=applicable)

    def _applicable(self, also: Sequence[Write]) -> list[Write]:
        """Without updates of what is not there (any more): an operation's record expires."""
        updated = [write.path for write in also if isinstance(write, Update)]
        found = self._context.records.documents.get_all(updated)
        return [
            write
            for write in also
            if not isinstance(write, Update) or found[write.path].fields is not None
        ]
