"""Fenced commits: they fail once another call has taken the batch over, however late they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shared.domain.batch.batch import Batch
from shared.domain.errors import Conflict, LostLease
from shared.gateways.database.records import CAS_ATTEMPTS, Records, Stored
from shared.gateways.ports import Query, Snapshot, Update, Write
from shared.services.context import Context


class FencedDocuments:
    """A ``DocumentStore`` whose commits succeed only while the batch is this call's.

    Each commit also updates the batch without changing it, on condition of the version that was
    read. Such an update makes no new version, so it causes no conflicts elsewhere. It is billed as
    a write.
    """

    def __init__(
        self, records: Records, batch: Stored[Batch], is_ours: Callable[[Batch], bool]
    ) -> None:
        self._records = records
        self._documents = records.documents
        self._path = batch.path
        self._known: Stored[Batch] | None = batch
        self._is_ours = is_ours

    def commit(self, writes: Sequence[Write]) -> list[object]:
        """Commit as ``DocumentStore.commit`` does, if the batch is still this call's.

        Raises:
            LostLease: the batch is over, or another call has taken it over.
        """
        if any(write.path == self._path for write in writes):
            self._known = None  # the caller changes the batch under its own condition
            return self._documents.commit(writes)
        for _ in range(CAS_ATTEMPTS):
            batch = self._known or self._read_batch()
            self._known = batch
            unchanged = Update(batch.path, {"fence": batch.present.fence}, batch.version)
            try:
                return self._documents.commit([*writes, unchanged])[:-1]
            except Conflict:
                self._known = self._read_batch()
                if self._known.version == batch.version:
                    raise  # the batch did not change: one of the writes conflicts
        raise Conflict(f"{self._path} keeps changing")

    def get(self, path: str) -> Snapshot:
        """Read without a check, as do all methods below."""
        return self._documents.get(path)

    def get_all(self, paths: Sequence[str]) -> dict[str, Snapshot]:
        return self._documents.get_all(paths)

    def query(self, query: Query) -> list[Snapshot]:
        return self._documents.query(query)

    def count(self, query: Query) -> int:
        return self._documents.count(query)

    def sums(self, query: Query, names: Sequence[str]) -> dict[str, float]:
        return self._documents.sums(query, names)

    def _read_batch(self) -> Stored[Batch]:
        batch = self._records.get(Batch, self._path)
        if batch.record is None or not self._is_ours(batch.record):
            raise LostLease("the batch is over, or another call supervises it")
        return batch


def fenced(context: Context, batch: Stored[Batch], is_ours: Callable[[Batch], bool]) -> Context:
    """The context with records that are written only while ``is_ours`` is true of the batch."""
    documents = FencedDocuments(context.records, batch, is_ours)
    return replace(context, records=Records(documents, context.clock))
