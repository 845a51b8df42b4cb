"""Fenced commits: they fail once another call has taken the batch over, however late they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shared.domain.batch.batch import Batch
from shared.domain.errors import Conflict, LostLease
from shared.gateways.database.records import CAS_ATTEMPTS, Records, Stored
from shared.gateways.ports import Query, Snapshot, Update, Write
from shared.services.context import Context

_OWNING = {"supervisor", "status", "fence"}
"""Fields of a batch that tell whose it is, and whether it is open."""


class FencedDocuments:
    """A ``DocumentStore`` whose commits succeed only while the batch is this call's.

    Each commit also updates the batch without changing it, on condition of the version that was
    read. Such an update makes no new version, so it causes no conflicts elsewhere. It is billed as
    a write.

    Attributes:
        known: The batch with its latest version, as far as this call has read or written it; only
            the fields in ``_OWNING`` are up to date. None if another one may have changed it.
    """

    def __init__(
        self, records: Records, batch: Stored[Batch], is_ours: Callable[[Batch], bool]
    ) -> None:
        self._records = records
        self._documents = records.documents
        self._path = batch.path
        self.known: Stored[Batch] | None = batch
        self._is_ours = is_ours

    def commit(self, writes: Sequence[Write]) -> list[object]:
        """Commit as ``DocumentStore.commit`` does, if the batch is still this call's.

        Raises:
            LostLease: the batch is over, or another call has taken it over.
        """
        for place, write in enumerate(writes):
            if write.path == self._path:  # the caller changes the batch under its own condition
                return self._changed(writes, place)
        for _ in range(CAS_ATTEMPTS):
            batch = self.known or self._read_batch()
            self.known = batch
            unchanged = Update(batch.path, {"fence": batch.present.fence}, batch.version)
            try:
                return self._documents.commit([*writes, unchanged])[:-1]
            except Conflict:
                self.known = self._read_batch()
                if self.known.version == batch.version:
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

    def _changed(self, writes: Sequence[Write], place: int) -> list[object]:
        """Commit writes of which one changes the batch, mostly as it is known here."""
        known, self.known = self.known, None
        versions = self._documents.commit(writes)
        write = writes[place]
        if known is None or not isinstance(write, Update) or _OWNING & write.fields.keys():
            return versions
        if write.if_version == known.version:
            self.known = replace(known, version=versions[place])
        return versions

    def _read_batch(self) -> Stored[Batch]:
        batch = self._records.get(Batch, self._path)
        if batch.record is None or not self._is_ours(batch.record):
            raise LostLease("the batch is over, or another call supervises it")
        return batch


def fenced(context: Context, batch: Stored[Batch], is_ours: Callable[[Batch], bool]) -> Context:
    """The context with records that are written only while ``is_ours`` is true of the batch."""
    documents = FencedDocuments(context.records, batch, is_ours)
    return replace(context, records=Records(documents, context.clock))
