"""The record of one file: what the bucket wants, how far it is, and what the store holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

SCHEMA_VERSION = 1


class FileStatus(StrEnum):
    """Where a file stands. ``lifecycle.LEGAL_MOVES`` says which may follow which."""

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
    """What a scan found a file to be, compared with its record."""

    NEW = "new"
    CHANGED = "changed"
    METADATA_CHANGED = "metadata_changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


class Slot(StrEnum):
    """The metered request a file waits for; the pump hands these out."""

    UPLOAD = "upload"
    IMPORT = "import"


class FailureKind(StrEnum):
    """Permanent failures stay until content or metadata changes; exhausted ones come back."""

    PERMANENT = "permanent"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class Desired:
    """What the bucket wants of a path.

    Attributes:
        key: Content key of the document to have; None where the object is skipped.
        skip_reason: Why the object is not to be indexed; None where it is.
        generation: Of the object; None in a record rebuilt from the store, which no scan has seen.
        metageneration: Of the object; None likewise.
        size: Bytes.
        tokens: How many it is likely to be embedded as; 0 where it is skipped.
        content_hash: ``md5:<hex>`` or ``crc32c:<hex>``, as the bucket gives it.
        metadata_digest: Digest of all that shapes the document's metadata.
        media_type: To upload it as; None where it is skipped.
        sidecar_generation: Of its sidecar; None where it has none.
    """

    key: str | None = None
    skip_reason: str | None = None
    generation: int | None = None
    metageneration: int | None = None
    size: int = 0
    tokens: int = 0
    content_hash: str = ""
    metadata_digest: str = ""
    media_type: str | None = None
    sidecar_generation: int | None = None


@dataclass(frozen=True, slots=True)
class RawFile:
    """The file's bytes at the Files API.

    Attributes:
        name: Resource name, saved before the upload is sent.
        is_active: Whether it can be imported.
        expires_at: When the Files API drops it; None where that isn't known.
    """

    name: str
    is_active: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImportCall:
    """The import in hand.

    Attributes:
        id: Of its entry in the ledger, ``operations/{id}``, created before the import is sent.
        operation: The service's name for it; None as long as no reply is known.
    """

    id: str
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document of the store that is not verified yet.

    Attributes:
        name: Resource name.
        failed_at: When it was first seen FAILED; None where it wasn't.
    """

    name: str
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Working:
    """The content that is being uploaded and imported, and what of it exists at Gemini.

    Attributes:
        key: Its content key.
        content_hash: As the bucket gives it.
        size: Bytes.
        raw_file: The upload; None where there is none.
        import_call: The latest import; None where none was begun.
        new_document: What came of the import; None as long as that isn't known.
    """

    key: str
    content_hash: str
    size: int
    raw_file: RawFile | None = None
    import_call: ImportCall | None = None
    new_document: NewDocument | None = None


@dataclass(frozen=True, slots=True)
class Current:
    """The document that the store serves for this path.

    Attributes:
        key: Content key it was imported under.
        document: Resource name.
        content_hash: Of the content it was made from.
        size: Bytes of that content.
    """

    key: str
    document: str
    content_hash: str
    size: int


@dataclass(frozen=True, slots=True)
class FileTask:
    """A Cloud Tasks task of the file's next step.

    Attributes:
        id: Its name in the queue, which is never used twice.
        queue: A ``QueueName``.
        at: When it is due.
    """

    id: str
    queue: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """Who makes the next step, and when: a task that exists or is being made, or the pump.

    Attributes:
        seq: Number of the latest task; a delivery with a smaller one comes too late.
        task: The task responsible; None where none is.
        slot: The metered request that the file waits for; None where it waits for none.
        ready_at: When the slot may be given, or an uncertain import be looked for.
        overdue_at: When something should have been heard of the task.
        deadline: When the wait for the raw file or the import is given up.
    """

    seq: int = 0
    task: FileTask | None = None
    slot: Slot | None = None
    ready_at: datetime | None = None
    overdue_at: datetime | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The delivery that is at work on the file; it excludes every other until it expires."""

    id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Tries:
    """How often it went wrong.

    Attributes:
        attempts: Tries of the present content that count against the file.
        errors_in_a_row: Errors since the last success; the wait doubles with each.
        error_at: When the latest of them came.
        exhausted_rounds: How often the file ran out of attempts; the days until it is tried again
            double with each.
    """

    attempts: int = 0
    errors_in_a_row: int = 0
    error_at: datetime | None = None
    exhausted_rounds: int = 0

    def cleared(self) -> Tries:
        """For a new start; the rounds stay, since they say how long to wait for another one."""
        return replace(self, attempts=0, errors_in_a_row=0)


@dataclass(frozen=True, slots=True)
class Failure:
    """The latest error, or, where it has a kind, how the file failed.

    Attributes:
        reason: In words.
        code: HTTP status, or the operation's error code; None without one.
        kind: None for an error after which the file is tried again in the same sync.
        at: When the file failed; None for such an error.
        eligible_at: When an exhausted file is tried again; None for any other.
    """

    reason: str
    code: int | None = None
    kind: FailureKind | None = None
    at: datetime | None = None
    eligible_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests made for the file in its present batch.

    Attributes:
        metered: Uploads and imports.
        throttled: Answers that were a 429.
        unmetered: All other requests of Gemini.
    """

    metered: int = 0
    throttled: int = 0
    unmetered: int = 0

    def __add__(self, other: Requests) -> Requests:
        return Requests(
            self.metered + other.metered,
            self.throttled + other.throttled,
            self.unmetered + other.unmetered,
        )


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file, at ``files/{sha256(path)}``.

    Only scans write ``desired``; only the lifecycle writes the rest, except that a scan may take a
    file at rest to PENDING, SKIPPED or REMOVAL_CANDIDATE.

    Attributes:
        path: The object's full name.
        status: Where it stands.
        schema_version: Of this record.
        batch_id: The batch that the file's requests are counted for; None before any.
        fence: The highest fence that wrote to it.
        change: What the scan of ``decided_in`` found it to be.
        decided_in: The batch whose scan or reconcile last decided on it; None before any.
        desired: What the bucket wants; None where it has no such object.
        rescan: The worker re-read the object, so cached scan pages may be stale.
        schedule: Who makes the next step.
        claim: The delivery at work; None where none is.
        tries: How often it went wrong.
        failure: The latest error or the failure; None where all is well.
        working: The content on its way into the store; None where none is.
        upload_epoch: Moves on where an earlier upload can't be used, for another name.
        current: The document the store serves; None where there is none.
        stale_documents: Documents of this path that go once another one is verified.
        retired_documents: Documents in a store that is being left: they go with it, or with the
            object.
        indexed_at: When it last became INDEXED.
        removed_in: The batch that removed its documents; None where none did.
        metadata_reports: What was changed or left out of its metadata, a sentence each.
        requests: Made for it in its present batch.
        updated_at: When the record last changed.
    """

    path: str
    status: FileStatus
    schema_version: int = SCHEMA_VERSION
    batch_id: str | None = None
    fence: int = 0
    change: Change = Change.NEW
    decided_in: str | None = None
    desired: Desired | None = None
    rescan: bool = False
    schedule: Schedule = field(default_factory=Schedule)
    claim: Claim | None = None
    tries: Tries = field(default_factory=Tries)
    failure: Failure | None = None
    working: Working | None = None
    upload_epoch: int = 0
    current: Current | None = None
    stale_documents: tuple[str, ...] = ()
    retired_documents: tuple[str, ...] = ()
    indexed_at: datetime | None = None
    removed_in: str | None = None
    metadata_reports: tuple[str, ...] = ()
    requests: Requests = field(default_factory=Requests)
    updated_at: datetime | None = None

    @property
    def desired_key(self) -> str | None:
        """Content key of the document that the bucket wants; None where it wants none."""
        return self.desired.key if self.desired else None

    @property
    def skip_reason(self) -> str | None:
        """Why the object is not to be indexed; None where it is, or is gone."""
        return self.desired.skip_reason if self.desired else None

    @property
    def desired_size(self) -> int:
        """Bytes of the object; 0 where there is none."""
        return self.desired.size if self.desired else 0

    @property
    def current_size(self) -> int:
        """Bytes of the content that the store serves; 0 where it serves none."""
        return self.current.size if self.current else 0

    @property
    def working_key(self) -> str | None:
        """Content key of what is on its way into the store."""
        return self.working.key if self.working else None

    @property
    def current_key(self) -> str | None:
        """Content key of the document that the store serves."""
        return self.current.key if self.current else None

    @property
    def current_document(self) -> str | None:
        """Resource name of the document that the store serves."""
        return self.current.document if self.current else None

    @property
    def raw_file(self) -> RawFile | None:
        """The upload of the content on its way; None where there is none."""
        return self.working.raw_file if self.working else None

    @property
    def import_call(self) -> ImportCall | None:
        """The latest import of the content on its way; None where none was begun."""
        return self.working.import_call if self.working else None

    @property
    def new_document(self) -> str | None:
        """Resource name of a document that is not verified yet; None where there is none."""
        made = self.working.new_document if self.working else None
        return made.name if made else None

    @property
    def failed_kind(self) -> FailureKind | None:
        """How the file failed; None where it hasn't."""
        return self.failure.kind if self.failure else None


def with_working(record: FileRecord, **changes: object) -> FileRecord:
    """The record with fields of ``working`` changed; as it is where nothing is on its way."""
    if record.working is None:
        return record
    return replace(record, working=replace(record.working, **changes))  # type: ignore[arg-type]  # field names
