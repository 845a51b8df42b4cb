"""Reads and writes file records for a reconcile; a dry run writes none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from shared.domain.batch.batch import Batch
from shared.domain.errors import AlreadyExists, Conflict
from shared.domain.file import lifecycle
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database.records import (
    Stored,
    file_path,
    replacing,
)
from shared.gateways.ports import Write
from shared.services.context import Context


class ReconciledFiles:
    """Reads and writes the records of one batch's reconcile."""

    def __init__(self, context: Context, batch: Batch) -> None:
        self._context = context
        self._batch = batch

    def get(self, paths: Iterable[str]) -> Mapping[str, Stored[FileRecord]]:
        """The records of the paths, by path."""
        wanted = list(dict.fromkeys(paths))
        found = self._context.records.get_all([(FileRecord, file_path(path)) for path in wanted])
        return dict(zip(wanted, found, strict=True))

    def put(self, stored: Stored[FileRecord], record: FileRecord) -> Stored[FileRecord] | None:
        """Write a repaired record, and wake the poller if its document must be verified.

        Returns None if the record has changed since it was read. A dry run writes nothing.
        """
        if self._batch.dry_run:
            return replace(stored, record=record)
        verifying = record.status is FileStatus.IMPORTING
        writes: list[Write] = []
        if verifying:
            record = self._to_be_looked_at(record)
        writes.append(replacing(stored, record))
        try:
            version = self._context.records.documents.commit(writes)[-1]
        except (AlreadyExists, Conflict):
            return None
        if verifying:
            self._context.wake_poller(self._batch.batch_id, [self._context.clock.now()])
        return replace(stored, record=record, version=version)

    def _to_be_looked_at(self, record: FileRecord) -> FileRecord:
        now = self._context.clock.now()
        return lifecycle.to_be_looked_at(record, now, now, self._context.rules.file)
