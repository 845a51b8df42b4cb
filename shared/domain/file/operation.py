"""One import, from the intent before the request to its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OperationState(StrEnum):
    """PENDING: the intent is written, no reply is known. TIMEOUT: given up on waiting."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """At ``operations/{operation_id}``; created before ``import_file`` is called.

    ``operation_name`` is empty until the service's reply is saved: an intent without a name
    means that an import may exist which nobody knows by name.
    """

    operation_id: str
    path: str
    content_key: str
    raw_file: str
    store: str
    batch_id: str
    schema_version: int = 1
    state: OperationState = OperationState.PENDING
    operation_name: str = ""
    document_name: str = ""
    error_message: str = ""
    retry_count: int = 0
    created_at: datetime | None = None
    last_polled_at: datetime | None = None
    completed_at: datetime | None = None
    expires_at: datetime | None = None
