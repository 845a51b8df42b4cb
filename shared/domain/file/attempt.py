"""Moves of a file's record for one attempt: its upload, its import, and the errors of both."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.errors import GatewayError
from shared.domain.file import known_documents, lifecycle, outcomes
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.lifecycle import Step
from shared.domain.file.record import (
    Current,
    Failure,
    FailureKind,
    FileRecord,
    FileStatus,
    ImportCall,
    NewDocument,
    RawFile,
    Schedule,
    Slot,
    Working,
    crowd_of,
    with_working,
)


def upload_begun(record: FileRecord, raw_file: str) -> FileRecord:
    """An upload with the name ``raw_file`` is about to be sent.

    It counts as an attempt from now on, even if the process crashes. Raises ``ValueError`` if the
    bucket wants no document.
    """
    desired = record.desired
    if desired is None or desired.key is None:
        raise ValueError(f"the bucket wants no document for {record.path!r}")
    same_content = record.working_key == desired.key
    attempts = record.tries.attempts + 1 if same_content else 1
    return lifecycle.moved(
        known_documents.shelved(record),
        FileStatus.UPLOADING,
        tries=replace(record.tries, attempts=attempts),
        working=Working(
            desired.key,
            desired.content_hash,
            desired.size,
            raw_file=RawFile(raw_file),
            hashes=desired.hashes,
        ),
    )


def uploaded(
    record: FileRecord,
    expires_at: datetime | None,
    now: datetime,
    policy: FilePolicy,
    *,
    is_active: bool,
) -> FileRecord:
    """The raw file exists: wait for a slot for the import.

    If it isn't ACTIVE, the service may still be processing it, and the import looks at it first.
    """
    raw_file = record.raw_file and replace(
        record.raw_file, is_active=is_active, expires_at=expires_at, uploaded_at=now
    )
    there = lifecycle.moved(
        with_working(record, raw_file=raw_file),
        FileStatus.UPLOADED,
        tries=replace(record.tries, errors_in_a_row=0),
    )
    ready_at = now if is_active else now + policy.raw_look_first
    return lifecycle.awaiting_slot(there, Slot.IMPORT, ready_at, now)


def raw_isnt_active(record: FileRecord, now: datetime, policy: FilePolicy) -> FileRecord:
    """The raw file can't be imported yet, if ever: the poller looks after it from now on."""
    uploaded_at = record.raw_file.uploaded_at if record.raw_file else None
    deadline = (uploaded_at or now) + policy.active_deadline
    waiting = lifecycle.waiting_until(record, deadline)
    return lifecycle.to_be_looked_at(waiting, now + policy.raw_look_first, now, policy)


def raw_became_active(record: FileRecord, now: datetime) -> FileRecord:
    """The raw file can be imported: wait for a slot for the import."""
    raw_file = record.raw_file and replace(record.raw_file, is_active=True)
    return lifecycle.awaiting_slot(with_working(record, raw_file=raw_file), Slot.IMPORT, now, now)


def restarted(record: FileRecord, now: datetime, policy: FilePolicy) -> FileRecord:
    """Upload again with a new name, since the earlier upload can't be used.

    If the bucket wants what is indexed already, nothing is uploaded.
    """
    is_last = record.tries.attempts >= policy.max_attempts
    if is_last and record.working_key == record.desired_key:
        reason = "no upload could be used"
        return outcomes.failed(record, FailureKind.EXHAUSTED, reason, None, now, policy)
    again = lifecycle.moved(
        with_working(known_documents.shelved(record), raw_file=None),
        FileStatus.PENDING,
        upload_epoch=record.upload_epoch + 1,
    )
    if outcomes.is_back(again):
        return outcomes.kept(again, now)
    return lifecycle.awaiting_slot(again, Slot.UPLOAD, now, now)


def raw_file_outlived(record: FileRecord, now: datetime, policy: FilePolicy) -> FileRecord:
    """The raw file can't be imported any more: upload again.

    If it was good for a long time and only waited for its import, no attempt is counted.
    """
    uploaded_at = record.raw_file.uploaded_at if record.raw_file else None
    if uploaded_at is not None and now - uploaded_at >= policy.raw_reserve:
        attempts = max(record.tries.attempts - 1, 0)
        record = replace(record, tries=replace(record.tries, attempts=attempts))
    return restarted(record, now, policy)


def import_begun(record: FileRecord, operation_id: str, reports: tuple[str, ...]) -> FileRecord:
    """An import is about to be sent; its ledger entry is created in the same write.

    Args:
        record: The file.
        operation_id: Id of the ledger entry, ``operations/{operation_id}``.
        reports: What was changed in the metadata or left out, one sentence each.
    """
    shelved = known_documents.shelved(record)
    raw_file = record.raw_file and replace(record.raw_file, is_active=True)
    return lifecycle.moved(
        with_working(shelved, raw_file=raw_file, import_call=ImportCall(operation_id)),
        FileStatus.IMPORTING,
        metadata_reports=reports,
    )


def import_started(
    record: FileRecord, operation: str, now: datetime, policy: FilePolicy
) -> FileRecord:
    """The service named the import's operation: from now on it is polled, never sent again."""
    call = record.import_call and replace(record.import_call, operation=operation)
    return replace(
        with_working(record, import_call=call),
        schedule=replace(record.schedule, deadline=now + policy.import_deadline),
        tries=replace(record.tries, errors_in_a_row=0),
    )


def import_uncertain(
    record: FileRecord, now: datetime, policy: FilePolicy, *, in_storm: bool = False
) -> FileRecord:
    """The import was sent, but its outcome is unknown: a listing of the store will decide.

    The search starts only at the import's deadline, since the document may appear until then. It
    counts an attempt if it finds none. ``in_storm`` (a storm of 5xx, which is not the file's fault)
    subtracts that attempt in advance.
    """
    tries = record.tries
    if in_storm:
        tries = replace(tries, attempts=max(tries.attempts - 1, 0))
    return replace(
        lifecycle.moved(record, FileStatus.UNCERTAIN, tries=tries),
        schedule=Schedule(record.schedule.seq + 1, ready_at=now + policy.import_deadline),
        claim=None,
        updated_at=now,
    )


def adopted(record: FileRecord, document: str, now: datetime, policy: FilePolicy) -> FileRecord:
    """The document of an uncertain import was found in the store: it is verified next."""
    return lifecycle.moved(
        known_documents.document_known(record, document),
        FileStatus.IMPORTING,
        schedule=replace(record.schedule, deadline=now + policy.import_deadline),
    )


def document_doubted(
    record: FileRecord, document: Current, now: datetime, policy: FilePolicy
) -> FileRecord:
    """Verify a document found in the store, then delete the path's other documents.

    Nothing is uploaded or imported. The caller creates the task that verifies the document.
    """
    return lifecycle.moved(
        record,
        FileStatus.IMPORTING,
        working=Working(
            document.key,
            document.content_hash,
            document.size,
            new_document=NewDocument(document.document),
            hashes=document.hashes,
        ),
        schedule=replace(record.schedule, deadline=now + policy.import_deadline),
    )


def postponed(record: FileRecord, ready_at: datetime, now: datetime) -> FileRecord:
    """A metered step was not begun: the record waits for its slot again, otherwise unchanged."""
    slot = Slot.UPLOAD if lifecycle.next_step(record) is Step.UPLOAD else Slot.IMPORT
    return lifecycle.awaiting_slot(record, slot, ready_at, now)


def given_back(record: FileRecord, ready_at: datetime, now: datetime) -> FileRecord:
    """A metered step was begun and refused, through no fault of the file: undo its beginning.

    The attempt that an upload counted when it began is subtracted.
    """
    if record.status is FileStatus.UPLOADING:
        tries = replace(record.tries, attempts=max(record.tries.attempts - 1, 0))
        back = lifecycle.moved(record, FileStatus.PENDING, tries=tries)
    else:
        back = lifecycle.moved(record, FileStatus.UPLOADED)
    return postponed(back, ready_at, now)


def error_noted(record: FileRecord, error: GatewayError, now: datetime) -> FileRecord:
    """Count one more error in a row, which makes the next wait longer."""
    tries = replace(record.tries, errors_in_a_row=record.tries.errors_in_a_row + 1, error_at=now)
    return replace(record, tries=tries, failure=_noted(record, str(error), error.code))


def tried_again(
    record: FileRecord,
    reason: str,
    code: int | None,
    now: datetime,
    jitter: float,
    policy: FilePolicy,
) -> FileRecord:
    """A metered step failed in a way that may pass: wait and try again, up to ``max_attempts``.

    After a failed import the raw file is kept, if there is one. An upload counted as an attempt
    when it began; an import counts here, except one that made its file a suspect. The search for
    uncertain imports calls this too, so an import whose process crashed is counted as well.
    """
    importing = record.status in (FileStatus.IMPORTING, FileStatus.UNCERTAIN)
    counts = importing and not crowd_of(record).is_suspected_now
    attempts = record.tries.attempts + (1 if counts else 0)
    keeps_upload = importing and record.raw_file is not None
    if attempts > policy.max_attempts or (attempts == policy.max_attempts and not importing):
        return outcomes.failed(record, FailureKind.EXHAUSTED, reason, code, now, policy)
    errors = record.tries.errors_in_a_row + 1
    call = record.import_call and replace(record.import_call, operation=None)
    return lifecycle.awaiting_slot(
        lifecycle.moved(
            with_working(known_documents.shelved(record), import_call=call),
            FileStatus.UPLOADED if keeps_upload else FileStatus.PENDING,
            tries=replace(record.tries, attempts=attempts, errors_in_a_row=errors),
            failure=_noted(record, reason, code),
        ),
        Slot.IMPORT if keeps_upload else Slot.UPLOAD,
        now + policy.backoff(errors, jitter),
        now,
    )


def _noted(record: FileRecord, reason: str, code: int | None) -> Failure:
    return replace(record.failure or Failure(reason), reason=reason, code=code)
