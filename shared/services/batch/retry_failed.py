"""Starts failed files again: all on request, otherwise those whose retry is due."""

from __future__ import annotations

from shared.domain.file import lifecycle, outcomes
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

    def begin(self, batch_id: str, *, every: bool) -> int:
        """Start failed files again; returns how many.

        Args:
            batch_id: The batch that takes the files over.
            every: Include permanent failures, and files whose retry isn't due yet.
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
            for stored in context.records.query(FileRecord, query):
                record = lifecycle.taken_over(stored.present, batch_id)
                record = outcomes.begun(record, now)
                writes.append(updating(stored.path, record, stored.version, stored.present))
            conflicts = context.records.commit_each(writes)
            begun += len(writes) - len(conflicts)
            if len(writes) == len(conflicts):
                return begun
