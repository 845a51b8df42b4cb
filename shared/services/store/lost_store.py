"""A store that is gone: what another one would cost, and how its files start anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from shared.domain.batch import guards
from shared.domain.batch.batch import Batch
from shared.domain.errors import Conflict, Refused
from shared.domain.estimate.backlog import Backlog
from shared.domain.file import ledger, outcomes
from shared.domain.file.ledger import ImportState, LedgerEntry
from shared.domain.file.record import IN_FLIGHT, FileRecord, FileStatus
from shared.domain.ids import file_id
from shared.gateways.database import queries
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import (
    UNCERTAIN_SEARCH,
    Stored,
    operation_path,
    updating,
)
from shared.gateways.ports import Delete, Update, Write
from shared.services.context import Context, Deadline

AT_ONCE: Final = 500

TO_IMPORT: Final = (FileStatus.PENDING, *IN_FLIGHT, FileStatus.INDEXED, FileStatus.FAILED)
"""Statuses of files that another store would need: all that the bucket wants, and can be read."""

UNDER_WAY: Final = (*IN_FLIGHT, FileStatus.DELETING, FileStatus.REMOVAL_CANDIDATE)
"""Statuses of files that wait for something of the store, or for its documents to be deleted."""


class LostStore:
    """The store of the records, after it was found to be gone."""

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name

    def check(self, batch: Batch) -> None:
        """Check that a person asks for another store, and accepts how much is imported again.

        Raises:
            Refused: the batch doesn't ask for one, or bounds neither number nor cost of its
                imports, or would exceed these bounds. The message names the way on.
        """
        if batch.dry_run and batch.new_store:
            return
        work, price = self._work(), self._context.rules.settings.price
        if not (batch.new_store and batch.has_figures):
            raise Refused(guards.lost_store(self._name, work, price))
        guards.check_imports(work, batch.max_imports)
        guards.check_cost(work, batch.max_estimated_cost, price)

    def _work(self) -> Backlog:
        """All files that another store would need, by two aggregations."""
        query, documents = queries.with_status(*TO_IMPORT), self._context.records.documents
        sums = documents.sums(query, [queries.DESIRED_SIZE, queries.DESIRED_TOKENS])
        return Backlog(
            uploads=documents.count(query),
            bytes=int(sums[queries.DESIRED_SIZE]),
            tokens=int(sums[queries.DESIRED_TOKENS]),
        )

    # --- after it was replaced --------------------------------------------------------------

    def begin_anew(self, deadline: Deadline) -> bool:
        """Start the files anew that were under way; whether all have been, else call it again.

        Files at rest are left to the scan, which compares them with the other store.
        """
        records = self._context.records
        records.documents.commit([Delete(UNCERTAIN_SEARCH)])  # it has listed the lost store
        query = page = queries.with_status(*UNDER_WAY, limit=AT_ONCE)
        complete = True
        while found := records.query(FileRecord, page):
            complete = self._begin_each_anew(found) and complete
            if deadline.passed:
                return False
            page = query.after(file_id(found[-1].present.path))
        return complete

    def _begin_each_anew(self, found: Sequence[Stored[FileRecord]]) -> bool:
        """Start these files anew; whether none of them has changed meanwhile."""
        records, now = self._context.records, self._context.clock.now()
        entries = self._open_entries(found)
        alone: list[Write] = []
        complete = True
        for stored in found:
            record = stored.present
            after = outcomes.store_lost(record, self._name, now)
            call = record.import_call
            if after == record:
                continue
            if call is None or call.id not in entries:
                alone.append(updating(stored.path, after, stored.version, record))
                continue
            lost = ledger.store_lost(call.operation, self._name, now)
            try:
                records.write(stored, after, [Update(entries[call.id], to_fields(lost))])
            except Conflict:
                complete = False
        return not records.commit_each(alone) and complete

    def _open_entries(self, found: Sequence[Stored[FileRecord]]) -> Mapping[str, str]:
        """Paths of the ledger's entries of these files' imports without an outcome, by id."""
        calls = [each.present.import_call for each in found]
        wanted = [(LedgerEntry, operation_path(call.id)) for call in calls if call]
        entries: list[Stored[LedgerEntry]] = self._context.records.get_all(wanted) if wanted else []
        return {
            each.record.operation_id: each.path
            for each in entries
            if each.record and each.record.state is ImportState.SENT
        }
