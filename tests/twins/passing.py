"""A database that passes every call on; subclasses change what they are about."""

from __future__ import annotations

from collections.abc import Sequence

from shared.gateways.ports import DocumentStore, Query, Snapshot, Write


class PassingDocuments:
    """Passes everything on to ``documents``."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def get(self, path: str) -> Snapshot:
        return self._documents.get(path)

    def get_all(self, paths: Sequence[str]) -> dict[str, Snapshot]:
        return self._documents.get_all(paths)

    def commit(self, writes: Sequence[Write]) -> list[object]:
        return self._documents.commit(writes)

    def query(self, query: Query) -> list[Snapshot]:
        return self._documents.query(query)

    def count(self, query: Query) -> int:
        return self._documents.count(query)

    def sums(self, query: Query, names: Sequence[str]) -> dict[str, float]:
        return self._documents.sums(query, names)
