"""The record of one file: what the bucket wants, where its journey stands, what the store holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SCHEMA_VERSION = 1


class FileStatus(StrEnum):
    """Where a file stands. ``journey`` holds the legal moves between these."""

    PENDING = "pending"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    IMPORTING = "importing"
    INDEXED = "indexed"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    SKIPPED = "skipped"
    REMOVAL_CANDIDATE = "removal_candidate"
    DELETING = "deleting"
    DELETED = "deleted"


UNFINISHED = (
    FileStatus.PENDING,
    FileStatus.UPLOADING,
    FileStatus.UPLOADED,
    FileStatus.IMPORTING,
    FileStatus.UNCERTAIN,
    FileStatus.DELETING,
)
"""A batch is not over while a file is in one of these (candidates are the batch's to release)."""

IN_FLIGHT = (FileStatus.UPLOADING, FileStatus.UPLOADED, FileStatus.IMPORTING, FileStatus.UNCERTAIN)
"""Something of these files may exist at Gemini that no INDEXED record owns yet."""


class Change(StrEnum):
    """What a scan found a file to be, against its record."""

    NEW = "new"
    CHANGED = "changed"
    METADATA_CHANGED = "metadata_changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


class Slot(StrEnum):
    """The metered request a file waits for; the pump hands these out."""

    NONE = ""
    UPLOAD = "upload"
    IMPORT = "import"


class FailureKind(StrEnum):
    """Permanent failures stay until content or metadata changes; exhausted ones come back."""

    NONE = ""
    PERMANENT = "permanent"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file, at ``files/{sha256(path)}``.

    ``change`` is what the scan of the batch ``decided_in`` found; ``batch_id`` is the batch that
    the file's requests are counted for. Only scans write ``desired_*``; only the journey writes
    the rest, except that a scan may start a journey (PENDING, SKIPPED, REMOVAL_CANDIDATE) from a
    resting status.
    """

    path: str
    status: FileStatus
    schema_version: int = SCHEMA_VERSION
    batch_id: str = ""
    fence: int = 0
    change: Change = Change.NEW
    decided_in: str = ""

    # What the bucket wants. An empty key: nothing (the object is gone, or is skipped).
    desired_key: str = ""
    desired_generation: int = 0
    desired_metageneration: int = 0
    desired_size: int = 0
    desired_tokens: int = 0
    desired_content_hash: str = ""
    desired_metadata_digest: str = ""
    desired_media_type: str = ""
    desired_sidecar_generation: int = 0
    desired_skip_reason: str = ""
    # A journey took its aim from the object itself: no remembered listing speaks of it.
    rescan: bool = False

    # The next step: a task that exists or is being made, or a slot that the file waits for.
    task_seq: int = 0
    task_id: str = ""
    task_queue: str = ""
    task_at: datetime | None = None
    slot: Slot = Slot.NONE
    ready_at: datetime | None = None
    overdue_at: datetime | None = None

    # The attempt in hand.
    claim_id: str = ""
    claim_expires_at: datetime | None = None
    attempts: int = 0
    errors_in_a_row: int = 0
    error_at: datetime | None = None
    wait_deadline: datetime | None = None

    # What of this journey exists at Gemini.
    working_key: str = ""
    working_content_hash: str = ""
    working_size: int = 0
    upload_epoch: int = 0
    raw_file: str = ""
    raw_active: bool = False
    raw_expires_at: datetime | None = None
    operation_id: str = ""
    operation_name: str = ""
    new_document: str = ""
    document_failed_at: datetime | None = None
    stale_documents: tuple[str, ...] = ()

    # What the store holds of this path.
    current_key: str = ""
    current_document: str = ""
    current_content_hash: str = ""
    current_metadata_digest: str = ""
    current_size: int = 0
    indexed_at: datetime | None = None
    removed_in: str = ""
    # Documents in a store that is being left: they go with that store, or with the object.
    retired_documents: tuple[str, ...] = ()

    # How it went wrong.
    failure_kind: FailureKind = FailureKind.NONE
    failure_reason: str = ""
    failure_code: int | None = None
    failed_key: str = ""
    failed_at: datetime | None = None
    exhausted_rounds: int = 0
    eligible_at: datetime | None = None
    metadata_reports: tuple[str, ...] = ()

    # Requests made for this file in its present batch.
    metered: int = 0
    throttled: int = 0
    unmetered: int = 0

    updated_at: datetime | None = None
