"""Long-running operations: first without `done`, then with a response or an error."""

from __future__ import annotations

from dataclasses import dataclass

from local.gemini.clock import Clock, timestamp
from local.gemini.resources.storage import Table
from local.gemini.wire.errors import not_found
from local.gemini.wire.messages import JsonObject

_TYPES = "type.googleapis.com/google.ai.generativelanguage.v1main."


@dataclass(frozen=True, slots=True)
class Operation:
    """An import in progress or finished. Times are seconds since the epoch.

    Attributes:
        done_at: When it finishes; None for never.
        response: The response of a finished operation.
        error: The error of a failed operation, returned instead of the response.
    """

    name: str
    created_at: float
    done_at: float | None
    response: JsonObject
    error: JsonObject | None = None

    def to_json(self, now: float) -> JsonObject:
        """Return the resource in the API's format; `done` is absent while it is pending."""
        if self.done_at is None or now < self.done_at:
            return {"name": self.name}
        outcome = {"error": self.error} if self.error else {"response": self.response}
        return {"name": self.name, "done": True, **outcome}


def import_response(store: str, document: str, *, full_names: bool) -> JsonObject:
    """Return the response of an import, with bare ids unless `full_names`."""
    return {
        "@type": f"{_TYPES}ImportFileResponse",
        "parent": store if full_names else store.rpartition("/")[2],
        "documentName": document if full_names else document.rpartition("/")[2],
    }


def upload_response(
    store: str, document: str, *, mime_type: str, size_bytes: int, created_at: float
) -> JsonObject:
    """Return the response of an upload to a store, always with full names."""
    return {
        "@type": f"{_TYPES}UploadToFileSearchStoreResponse",
        "parent": store,
        "documentName": document,
        "mimeType": mime_type,
        "sizeBytes": str(size_bytes),
        "createTime": timestamp(created_at),
    }


class Operations:
    """The operations of all stores."""

    def __init__(self, table: Table[Operation], clock: Clock) -> None:
        self.table = table
        self._clock = clock

    def get(self, name: str) -> JsonObject:
        """Return the current state of an operation.

        Raises:
            ApiError: 404 if there is no such operation.
        """
        operation = self.table.get(name)
        if operation is None:
            raise not_found(f"Operation {name} does not exist.")
        return operation.to_json(self._clock.now())
