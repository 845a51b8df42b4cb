"""A file record claimed by one delivery: it is written only while the claim is held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from shared.domain.errors import Conflict, SyncError
from shared.domain.file.record import FileRecord, Requests
from shared.gateways.database.records import Stored
from shared.gateways.ports import Update, Write
from shared.services.context import Context
from shared.services.events import emit_outcome

Transition = Callable[[FileRecord], FileRecord]


class Abandoned(SyncError):
    """Another delivery has claimed the file, and continues its work."""


class ClaimedFile:
    """A record and its claim. ``record`` is its latest known state."""

    def __init__(self, context: Context, stored: Stored[FileRecord]) -> None:
        self._context = context
        self._stored = stored
        self._claim_id: str | None = None
        self._requests = Requests()

    @property
    def record(self) -> FileRecord:
        return self._stored.present

    def count(self, *, metered: int = 0, throttled: int = 0, unmetered: int = 0) -> None:
        """Count requests made for this file; the next change stores the counts."""
        self._requests += Requests(metered, throttled, unmetered)

    def claim(self, transition: Transition, also: Sequence[Write] = ()) -> None:
        """Claim the file with the first write of this delivery; ``also`` is written with it.

        Raises:
            Conflict: the record has changed since it was read; read it and decide again.
        """
        new = transition(self.record)
        self._claim_id = new.claim.id if new.claim else None
        self._stored = self._context.records.write(self._stored, new, also)

    def apply(self, transition: Transition, also: Sequence[Write] = ()) -> None:
        """Change the record in its present state, which a scan may have written meanwhile.

        Raises:
            Abandoned: another delivery has claimed the file. ``also`` is written nevertheless,
                since it records what this delivery did.
        """
        counted = self._requests

        def decide(stored: Stored[FileRecord]) -> FileRecord:
            record = stored.record
            if record is None or record.claim is None or record.claim.id != self._claim_id:
                raise Abandoned("another delivery has claimed the file")
            after = transition(record)
            return replace(after, requests=after.requests + counted)

        before = self._stored.record
        try:
            self._stored = self._changed(decide, also)
        except Abandoned:
            if also:
                self._context.records.documents.commit(self._applicable(also))
            raise
        self._requests = Requests()
        emit_outcome(before, self._stored.present)

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
        """The writes less updates of missing documents: ledger entries expire."""
        updated = [write.path for write in also if isinstance(write, Update)]
        found = self._context.records.documents.get_all(updated)
        return [
            write
            for write in also
            if not isinstance(write, Update) or found[write.path].fields is not None
        ]
