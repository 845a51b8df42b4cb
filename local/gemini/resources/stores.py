"""File Search stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from local.gemini.clock import Clock, timestamp
from local.gemini.resources.documents import Document, Documents, DocumentState
from local.gemini.resources.operations import Operation
from local.gemini.resources.storage import Table
from local.gemini.settings import StoreFigures
from local.gemini.wire.errors import failed_precondition, invalid_argument, no_permission
from local.gemini.wire.messages import JsonObject, without_defaults
from local.gemini.wire.mime_types import DEFAULT_EMBEDDING_MODEL, EMBEDDING_MODELS
from local.gemini.wire.names import check_id, new_id

_COUNTS = {
    "activeDocumentsCount": DocumentState.ACTIVE,
    "pendingDocumentsCount": DocumentState.PENDING,
    "failedDocumentsCount": DocumentState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Store:
    """A store; its documents refer to it by its name."""

    name: str
    display_name: str
    embedding_model: str
    created_at: float

    def to_json(
        self, now: float, documents: Iterable[Document], figures: StoreFigures
    ) -> JsonObject:
        """Return the resource in the API's format, with counts of its documents."""
        counted_at = now - figures.lag_s
        counted = [each for each in documents if each.created_at <= counted_at]
        states = Counter(document.state(counted_at) for document in counted)
        return without_defaults(
            {
                "name": self.name,
                "displayName": self.display_name,
                "createTime": timestamp(self.created_at),
                "updateTime": timestamp(self.created_at),
                "embeddingModel": self.embedding_model,
                "sizeBytes": str(
                    figures.reported_per_byte * sum(each.size_bytes for each in counted)
                ),
                **{field: str(states[state]) for field, state in _COUNTS.items()},
            }
        )


class Stores:
    """The stores of the project."""

    def __init__(
        self,
        table: Table[Store],
        documents: Documents,
        operations: Table[Operation],
        clock: Clock,
    ) -> None:
        self.table = table
        self._documents = documents
        self._operations = operations
        self._clock = clock

    def create(self, *, display_name: str, embedding_model: str) -> Store:
        """Create a store; several may have the same display name.

        Raises:
            ApiError: 400 for an unknown embedding model.
        """
        model = embedding_model or DEFAULT_EMBEDDING_MODEL
        if model not in EMBEDDING_MODELS:
            raise invalid_argument(f"Unsupported embedding model: {model}")
        store = Store(
            name=f"fileSearchStores/{new_id(display_name)}",
            display_name=display_name,
            embedding_model=model,
            created_at=self._clock.now(),
        )
        self.table.add(store)
        return store

    def get(self, name: str) -> Store:
        """Return a store.

        Raises:
            ApiError: 400 for a malformed id; 403 if there is no such store.
        """
        store_id = check_id(name.removeprefix("fileSearchStores/"), "FileSearchStore")
        store = self.table.get(name)
        if store is None:
            raise no_permission("FileSearchStore", store_id)
        return store

    def delete(self, name: str, *, force: bool) -> None:
        """Delete a store, its documents and its operations.

        Raises:
            ApiError: 400 for a malformed id, or if the store has documents and `force` is off;
                403 if there is no such store.
        """
        store = self.get(name)
        if not force and next(self._documents.table.page(name), None):
            raise failed_precondition("Cannot delete non-empty FileSearchStore.")
        self._documents.delete_all(name)
        for operation in self._operations.of(name):
            self._operations.remove(operation.name, name)
        self.table.remove(store.name)
