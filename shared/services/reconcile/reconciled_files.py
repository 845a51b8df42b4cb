"""The records as a reconcile reads and writes them: a dry run's own copies stay in its batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from shared.domain.batch.batch import Batch, PlannedFile
from shared.domain.errors import AlreadyExists, Conflict
from shared.domain.file import lifecycle
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import (
    Stored,
    creating,
    file_path,
    planned_path,
    updating,
)
from shared.gateways.ports import Put, QueueName, Write
from shared.services.context import Context


class ReconciledFiles:
    """Reads and writes the records of one batch's reconcile."""

    def __init__(self, context: Context, batch: Batch) -> None:
        self._context = context
        self._batch = batch

    def get(self, paths: Iterable[str]) -> Mapping[str, Stored[FileRecord]]:
        """The records of these paths; a dry run finds what it planned before."""
        wanted = list(dict.fromkeys(paths))
        records = self._context.records
        found = dict(
            zip(wanted, records.get_all([(FileRecord, file_path(p)) for p in wanted]), strict=True)
        )
        if self._batch.dry_run and wanted:
            planned = records.get_all([(PlannedFile, self._planned(path)) for path in wanted])
            found |= {each.record.path: as_planned(each) for each in planned if each.record}
        return found

    def put(self, stored: Stored[FileRecord], record: FileRecord) -> Stored[FileRecord] | None:
        """Write a record that mends something; None where somebody else wrote it first."""
        if self._batch.dry_run:
            planned = PlannedFile(record.path, record, expires_at=self._batch.expires_at)
            put = Put(self._planned(record.path), to_fields(planned))
            self._context.records.documents.commit([put])
            return replace(stored, record=record)
        verifying = record.status is FileStatus.IMPORTING
        writes: list[Write] = []
        if verifying:
            record = self._handed_on(record)
        if stored.record is None:
            writes.append(creating(stored.path, record))
        else:
            writes.append(updating(stored.path, record, stored.version, stored.record))
        try:
            version = self._context.records.documents.commit(writes)[-1]
        except (AlreadyExists, Conflict):
            return None
        if verifying:
            self._context.queues.create(self._context.step_task(record))
        return replace(stored, record=record, version=version)

    def _handed_on(self, record: FileRecord) -> FileRecord:
        now = self._context.clock.now()
        return lifecycle.handed_on(record, QueueName.POLLS, now, now, self._context.rules.file)

    def _planned(self, path: str) -> str:
        return planned_path(self._batch.batch_id, path)


def as_planned(stored: Stored[PlannedFile]) -> Stored[FileRecord]:
    """The record as it would be."""
    return Stored(stored.path, stored.present.record, stored.version, stored.read_time)
