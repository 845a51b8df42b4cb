"""The record of one file: what the bucket wants, its progress, and what the store holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.source.content_hash import NO_HASHES, Hashes

SCHEMA_VERSION = 1


class FileStatus(StrEnum):
    """Status of a file. ``lifecycle.LEGAL_MOVES`` says which may follow which."""

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
"""A batch waits for files with these statuses. It does not wait for removal candidates, which it
releases itself."""

IN_FLIGHT = (FileStatus.UPLOADING, FileStatus.UPLOADED, FileStatus.IMPORTING, FileStatus.UNCERTAIN)
"""With these statuses, Gemini may hold a raw file or document of the file that isn't indexed."""


class Change(StrEnum):
    """How a file differs from its record, as a scan found."""

    NEW = "new"
    CHANGED = "changed"
    METADATA_CHANGED = "metadata_changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    YOUNG = "young"
    """Changed too recently to be imported yet."""
    SET_ASIDE = "set_aside"
    """Its record can't be read; nothing is decided before the store was listed for it."""


class Slot(StrEnum):
    """The metered request that a file waits for; the pump gives out slots."""

    UPLOAD = "upload"
    IMPORT = "import"


class FailureKind(StrEnum):
    """How a file failed.

    PERMANENT lasts until content or metadata changes. After EXHAUSTED, the file is tried again
    later.
    """

    PERMANENT = "permanent"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class Desired:
    """What the bucket wants for a path.

    Attributes:
        key: Content key of the wanted document; None if the object is skipped.
        skip_reason: Why the object is skipped; None if it isn't.
        generation: The object's generation; None in a record that was rebuilt from the store and
            has not been scanned since.
        metageneration: The object's metageneration; None in the same case.
        size: The object's size in bytes.
        tokens: Estimated number of tokens to embed; 0 if the object is skipped.
        content_hash: The hash in the content key, see ``Hashes.content_hash``; the one of an
            earlier version with the same bytes if that had another kind of hash.
        metadata_digest: Digest of everything that the document's metadata is made from.
        media_type: Media type to upload it as; None if the object is skipped.
        sidecar_generation: The sidecar's generation; None without a sidecar.
        hashes: All hashes of the content that the bucket has told.
        content_encoding: ``gzip`` if the content is to be decoded; otherwise empty.
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
    hashes: Hashes = NO_HASHES
    content_encoding: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a read of the content with this key has shown; the same content is not read again.

    Attributes:
        key: Content key of what was read.
        skip_reason: Why it can't be imported; None if it can.
        media_type: Media type to upload it as; None if it can't be imported.
        rules: ``eligibility.RULES`` by which it was decided; other rules decide again.
        declared: The media type that the uploader declared, if it was decided by that too: another
            one decides again.
    """

    key: str
    skip_reason: str | None = None
    media_type: str | None = None
    rules: int = 0
    declared: str | None = None


@dataclass(frozen=True, slots=True)
class RawFile:
    """An upload to the Files API.

    Attributes:
        name: Resource name, saved before the upload is sent.
        is_active: Whether it can be imported.
        expires_at: When the Files API deletes it; None if that isn't known.
        uploaded_at: When the upload was known to be there; None before that.
    """

    name: str
    is_active: bool = False
    expires_at: datetime | None = None
    uploaded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImportCall:
    """The latest import of the content.

    Attributes:
        id: Id of its ledger entry, ``operations/{id}``, which is created before the import is sent.
        operation: The service's name of the operation; None until a reply is known.
    """

    id: str
    operation: str | None = None


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document of the store that is not verified yet.

    Attributes:
        name: Resource name.
        failed_at: When it was first seen FAILED; None if it wasn't.
    """

    name: str
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many imports were in progress together (see ``imports_limit``).

    Attributes:
        beside: Imports in progress with the latest one, itself included; 0 if they were so few that
            they tell nothing of the limit.
        failed_beside: The same of an earlier import that FAILED beyond the preset. The file then is
            a suspect: it is imported at or below the preset. 0 if none did.
        failed_at: When that was seen; None if none did.
    """

    beside: int = 0
    failed_beside: int = 0
    failed_at: datetime | None = None

    @property
    def is_suspect(self) -> bool:
        """Whether an import FAILED beyond the preset, so that the next is made at or below it."""
        return self.failed_beside > 0

    @property
    def is_suspected_now(self) -> bool:
        """Whether the latest import is the one that FAILED beyond the preset."""
        return 0 < self.failed_beside == self.beside


@dataclass(frozen=True, slots=True)
class Working:
    """The content that is being uploaded and imported, and what Gemini holds of it.

    Attributes:
        key: Content key.
        content_hash: Hash of the content, as the bucket gives it.
        size: Bytes.
        raw_file: The raw file; None if there is none.
        import_call: The latest import; None if none was begun.
        new_document: The import's document; None until it is known.
        hashes: All hashes of the content that the bucket has told.
        decoded_size: Bytes after decoding, as they were uploaded; None if they are not decoded or
            were not uploaded yet.
        crowd: How many imports were in progress together with its own.
    """

    key: str
    content_hash: str
    size: int
    raw_file: RawFile | None = None
    import_call: ImportCall | None = None
    new_document: NewDocument | None = None
    hashes: Hashes = NO_HASHES
    decoded_size: int | None = None
    crowd: Crowd = field(default_factory=Crowd)


@dataclass(frozen=True, slots=True)
class Current:
    """The document that the store serves for this path.

    Attributes:
        key: Content key with which it was imported.
        document: Resource name.
        content_hash: Hash of the content that it was made from.
        size: Size of that content in bytes.
        hashes: All hashes of that content that the bucket has told.
        import_call: The import that made it; None if that isn't known.
    """

    key: str
    document: str
    content_hash: str
    size: int
    hashes: Hashes = NO_HASHES
    import_call: ImportCall | None = None


@dataclass(frozen=True, slots=True)
class FileTask:
    """The Cloud Tasks task for the file's next step.

    Attributes:
        id: Task id in the queue; never used twice.
        queue: A ``QueueName``.
        at: When the task is due.
    """

    id: str
    queue: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """What leads to the file's next step, and when: a task, a slot that the pump gives, or a look.

    Attributes:
        seq: Number of the latest task; a delivery with a smaller number is stale.
        task: The task for the next step, created already or about to be; None without one.
        slot: The metered request that the file waits for; None if it waits for none.
        ready_at: When the slot may be given, or when an uncertain import may be searched for.
        overdue_at: When the task, or the poller's, counts as lost, unless the record has changed.
        deadline: When the wait for the raw file or the import is given up; in a removal, when a
            deletion of unknown outcome can't take effect any more.
        look_at: When the poller looks at the raw file or the import; None if the file waits for
            neither.
    """

    seq: int = 0
    task: FileTask | None = None
    slot: Slot | None = None
    ready_at: datetime | None = None
    overdue_at: datetime | None = None
    deadline: datetime | None = None
    look_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery's exclusive right to work on the file, until ``expires_at``."""

    id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Tries:
    """Attempts and errors of a file.

    Attributes:
        attempts: Attempts for the present content that count against ``max_attempts``.
        errors_in_a_row: Errors since the latest success; each doubles the wait.
        error_at: When the latest error came.
        exhausted_rounds: How often the file ran out of attempts; each round doubles the days until
            it is tried again.
    """

    attempts: int = 0
    errors_in_a_row: int = 0
    error_at: datetime | None = None
    exhausted_rounds: int = 0

    def cleared(self) -> Tries:
        """The values for a new start; keeps the rounds, which set the wait before the next."""
        return replace(self, attempts=0, errors_in_a_row=0)


@dataclass(frozen=True, slots=True)
class Failure:
    """The latest error. With a ``kind``, the file has failed.

    Attributes:
        reason: The error as text.
        code: HTTP status, or the operation's error code; None without one.
        kind: How the file failed; None after an error that is retried in the same sync.
        at: When the file failed; None if ``kind`` is None.
        eligible_at: When an exhausted file is tried again; None for any other.
    """

    reason: str
    code: int | None = None
    kind: FailureKind | None = None
    at: datetime | None = None
    eligible_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Requests:
    """Number of Gemini requests made for the file in its present batch.

    Attributes:
        metered: Uploads and imports.
        throttled: Requests that got a 429.
        unmetered: All other requests.
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
class Accepted:
    """A metered request that the service accepted.

    The breaker's window counts it here, which saves a document of its own.

    Attributes:
        at: When the reply came.
        generation: The breaker's generation when the request was made.
    """

    at: datetime
    generation: int


@dataclass(frozen=True, slots=True)
class Aside:
    """Why a record was set aside: its document was damaged, so what the store holds is unknown.

    Attributes:
        reason: What was wrong with the document.
        until: When an import that the file may have sent has had its effect. A listing of the store
            that begins then, or later, tells what the store holds.
    """

    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file, at ``files/{sha256(path)}``.

    Scans write ``desired``, and move a file at rest to PENDING, SKIPPED or REMOVAL_CANDIDATE.
    Everything else is written by the lifecycle; a worker that finds another object than planned
    writes ``desired`` too, and sets ``rescan``.

    Attributes:
        path: The object's full name; empty if the record was set aside and its document didn't
            tell.
        status: Status of the file.
        schema_version: Version of this record's schema.
        batch_id: The batch for which the file's requests are counted; None before the first.
        fence: The highest fence under which it was written.
        change: The change that the scan of ``decided_in`` found.
        decided_in: The batch whose scan or reconcile last decided on it; None before the first.
        desired: What the bucket wants; None if it has no such object.
        verdict: What a read of the object's content has shown; None if its name and size decide.
        asks_first: Whether the file is skipped, and its documents stay until a sync allows their
            removal (see ``keeping``).
        rescan: Whether the next scan must compare this record, even in an unchanged range.
        schedule: What leads to the next step.
        claim: The claim of the delivery at work; None without one.
        tries: Attempts and errors.
        failure: The latest error or the failure; None without one.
        working: The content that is being uploaded and imported; None without one.
        upload_epoch: Increases where an earlier upload can't be used, and so changes the raw
            file's name.
        current: The document that the store serves; None without one.
        stale_documents: Documents of this path to delete once another one is verified.
        retired_documents: Documents in a store that is being replaced; deleted with that store, or
            with the object.
        indexed_at: When the file last became INDEXED.
        removed_in: The batch that removed the file's documents; None if none did.
        aims: How often a worker found another object than planned, in the present batch.
        left_in: The batch that left the file to the next sync, since its object kept changing; None
            if none did.
        metadata_reports: What was changed in its metadata or left out, one sentence each.
        requests: Requests made for it in its present batch.
        upload_accepted: The latest upload; None before the first.
        import_accepted: The latest import; None before the first.
        aside: Why it is set aside, with status DELETED; None for all others.
        set_aside_in: The batch that set it aside; None if none did.
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
    verdict: Verdict | None = None
    asks_first: bool = False
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
    aims: int = 0
    left_in: str | None = None
    metadata_reports: tuple[str, ...] = ()
    requests: Requests = field(default_factory=Requests)
    upload_accepted: Accepted | None = None
    import_accepted: Accepted | None = None
    aside: Aside | None = None
    set_aside_in: str | None = None
    updated_at: datetime | None = None

    @property
    def desired_key(self) -> str | None:
        """Content key of the document that the bucket wants; None if it wants none."""
        return self.desired.key if self.desired else None

    @property
    def skip_reason(self) -> str | None:
        """Why the object is skipped; None if it isn't, or is gone."""
        return self.desired.skip_reason if self.desired else None

    @property
    def desired_size(self) -> int:
        """The object's size in bytes; 0 without an object."""
        return self.desired.size if self.desired else 0

    @property
    def current_size(self) -> int:
        """Size in bytes of the content that the store serves; 0 if it serves none."""
        return self.current.size if self.current else 0

    @property
    def working_key(self) -> str | None:
        """Content key of what is being uploaded and imported; None if nothing is."""
        return self.working.key if self.working else None

    @property
    def current_key(self) -> str | None:
        """Content key of the document that the store serves; None if it serves none."""
        return self.current.key if self.current else None

    @property
    def current_document(self) -> str | None:
        """Resource name of the document that the store serves; None if it serves none."""
        return self.current.document if self.current else None

    @property
    def raw_file(self) -> RawFile | None:
        """The raw file of the content under way; None if there is none."""
        return self.working.raw_file if self.working else None

    @property
    def import_call(self) -> ImportCall | None:
        """The latest import of the content under way; None if none was begun."""
        return self.working.import_call if self.working else None

    @property
    def new_document(self) -> str | None:
        """Resource name of a document that is not verified yet; None if there is none."""
        made = self.working.new_document if self.working else None
        return made.name if made else None

    @property
    def failed_kind(self) -> FailureKind | None:
        """How the file failed; None if it hasn't."""
        return self.failure.kind if self.failure else None


def crowd_of(record: FileRecord) -> Crowd:
    """How many imports were in progress with the file's; none if nothing is under way."""
    return record.working.crowd if record.working else Crowd()


def with_working(record: FileRecord, **changes: object) -> FileRecord:
    """The record with fields of ``working`` changed; unchanged if nothing is under way."""
    if record.working is None:
        return record
    return replace(record, working=replace(record.working, **changes))  # type: ignore[arg-type]  # field names
