"""Starts failed files again: all on request, otherwise those whose retry is due."""

from __future__ import annotations

from shared.domain.file import outcomes
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database import queries
from shared.gateways.database.records import updating
from shared.gateways.ports import Write
from shared.services.context import Context

AT_ONCE = 500


class RetryFailed:
    """Makes failed files PENDING, with all attempts left."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, *, every: bool, part: str = "") -> int:
        """Start failed files again; returns how many. The batch that plans a file takes it over.

        Args:
            every: Whether permanent failures are included, and files whose retry isn't due yet.
            part: The prefix of a sync of a part; other files stay as they are.
        """
        context = self._context
        begun = 0
        while True:
            now = context.clock.now()
            query = (
                queries.with_status(FileStatus.FAILED, limit=AT_ONCE)
                if every
                else queries.failed_and_eligible(now, AT_ONCE)
            )
            writes: list[Write] = []
            for stored in context.records.query(FileRecord, queries.below(part, query)):
                record = outcomes.begun(stored.present, now)
                writes.append(updating(stored.path, record, stored.version, stored.present))
            conflicts = context.records.commit_each(writes)
            begun += len(writes) - len(conflicts)
            if len(writes) == len(conflicts):
                return begun
