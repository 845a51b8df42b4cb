"""Commits that are refused once the batch is another call's, however late they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shared.domain.batch.batch import Batch
from shared.domain.errors import Conflict, LostLease
from shared.gateways.database.records import CAS_ATTEMPTS, Records, Stored
from shared.gateways.ports import Query, Snapshot, Update, Write
from shared.services.context import Context


class FencedDocuments:
    """A ``DocumentStore`` each commit of which lands only while the batch is ours.

    A commit asks so by an update of the batch that changes nothing, conditional on its version.
    That makes no new version, so nobody else's writes are disturbed; it is billed as a write.
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
        """As the port says; and ``LostLease`` where the batch is no longer ours."""
        if any(write.path == self._path for write in writes):
            self._known = None  # it changes, under a condition of the caller's own
            return self._documents.commit(writes)
        for _ in range(CAS_ATTEMPTS):
            batch = self._known or self._look()
            self._known = batch
            unchanged = Update(batch.path, {"fence": batch.present.fence}, batch.version)
            try:
                return self._documents.commit([*writes, unchanged])[:-1]
            except Conflict:
                self._known = self._look()
                if self._known.version == batch.version:
                    raise  # it is one of the writes
        raise Conflict(f"{self._path} keeps changing")

    def get(self, path: str) -> Snapshot:
        """As the port says, like all that follow."""
        return self._documents.get(path)

    def get_all(self, paths: Sequence[str]) -> dict[str, Snapshot]:
        return self._documents.get_all(paths)

    def query(self, query: Query) -> list[Snapshot]:
        return self._documents.query(query)

    def count(self, query: Query) -> int:
        return self._documents.count(query)

    def sums(self, query: Query, names: Sequence[str]) -> dict[str, int]:
        return self._documents.sums(query, names)

    def _look(self) -> Stored[Batch]:
        batch = self._records.get(Batch, self._path)
        if batch.record is None or not self._is_ours(batch.record):
            raise LostLease("the batch is over, or another call goes on with it")
        return batch


def fenced(context: Context, batch: Stored[Batch], is_ours: Callable[[Batch], bool]) -> Context:
    """The same ports, writing records only while ``is_ours`` holds for the batch."""
    documents = FencedDocuments(context.records, batch, is_ours)
    return replace(context, records=Records(documents, context.clock))
