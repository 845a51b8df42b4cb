"""One file's way through upload and import, and back after an error: moves of its record."""

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
    with_working,
)


def upload_begun(record: FileRecord, raw_file: str) -> FileRecord:
    """An upload under the name ``raw_file`` is about to be sent; a crash counts as a try.

    Raises ``ValueError`` where the bucket wants no document.
    """
    desired = record.desired
    if desired is None or desired.key is None:
        raise ValueError(f"nothing is wanted of {record.path!r}")
    same_content = record.working_key == desired.key
    attempts = record.tries.attempts + 1 if same_content else 1
    return lifecycle.moved(
        known_documents.shelved(record),
        FileStatus.UPLOADING,
        tries=replace(record.tries, attempts=attempts),
        working=Working(
            desired.key, desired.content_hash, desired.size, raw_file=RawFile(raw_file)
        ),
    )


def uploaded(
    record: FileRecord, expires_at: datetime | None, now: datetime, policy: FilePolicy
) -> FileRecord:
    """The raw file is there; it may still be processing."""
    raw_file = record.raw_file and replace(record.raw_file, expires_at=expires_at)
    return lifecycle.moved(
        with_working(record, raw_file=raw_file),
        FileStatus.UPLOADED,
        schedule=replace(record.schedule, deadline=now + policy.active_deadline),
        tries=replace(record.tries, errors_in_a_row=0),
    )


def raw_became_active(record: FileRecord, now: datetime) -> FileRecord:
    """The raw file can be imported: wait for a slot."""
    raw_file = record.raw_file and replace(record.raw_file, is_active=True)
    return lifecycle.awaiting_slot(with_working(record, raw_file=raw_file), Slot.IMPORT, now, now)


def restarted(record: FileRecord, now: datetime, policy: FilePolicy) -> FileRecord:
    """From the upload again, under a new name, the earlier upload being of no use.

    Where the bucket has gone back to what is indexed, there is nothing to upload.
    """
    is_last = record.tries.attempts >= policy.max_attempts
    if is_last and record.working_key == record.desired_key:
        reason = "every upload turned out to be of no use"
        return outcomes.failed(record, FailureKind.EXHAUSTED, reason, None, now, policy)
    again = lifecycle.moved(
        with_working(known_documents.shelved(record), raw_file=None),
        FileStatus.PENDING,
        upload_epoch=record.upload_epoch + 1,
    )
    if outcomes.is_back(again):
        return outcomes.kept(again, now)
    return lifecycle.awaiting_slot(again, Slot.UPLOAD, now, now)


def import_begun(record: FileRecord, operation_id: str, reports: tuple[str, ...]) -> FileRecord:
    """The intent of an import: ``operations/{operation_id}`` is created in the same write."""
    shelved = known_documents.shelved(record)
    return lifecycle.moved(
        with_working(shelved, import_call=ImportCall(operation_id)),
        FileStatus.IMPORTING,
        metadata_reports=reports,
    )


def import_started(
    record: FileRecord, operation: str, now: datetime, policy: FilePolicy
) -> FileRecord:
    """The service gave the import a name: from now on it is polled, never sent again."""
    call = record.import_call and replace(record.import_call, operation=operation)
    return replace(
        with_working(record, import_call=call),
        schedule=replace(record.schedule, deadline=now + policy.import_deadline),
        tries=replace(record.tries, errors_in_a_row=0),
    )


def import_uncertain(
    record: FileRecord, now: datetime, policy: FilePolicy, *, in_storm: bool = False
) -> FileRecord:
    """Sent, and nobody knows whether it took effect: a listing of the store decides.

    Not before the import's own deadline: until then the document may still appear. In a storm of
    5xx the file is not to blame: the try that the search will count is given back beforehand.
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
    """The document of an uncertain import was found in the store."""
    return lifecycle.moved(
        known_documents.document_known(record, document),
        FileStatus.IMPORTING,
        schedule=replace(record.schedule, deadline=now + policy.import_deadline),
    )


def document_doubted(
    record: FileRecord, document: Current, now: datetime, policy: FilePolicy
) -> FileRecord:
    """A document found in the store is to be the path's only one: verified, then the rest goes.

    Nothing is uploaded or imported for it; the task of its verification is the caller's to make.
    """
    return lifecycle.moved(
        record,
        FileStatus.IMPORTING,
        working=Working(
            document.key,
            document.content_hash,
            document.size,
            new_document=NewDocument(document.document),
        ),
        schedule=replace(record.schedule, deadline=now + policy.import_deadline),
    )


def postponed(record: FileRecord, ready_at: datetime, now: datetime) -> FileRecord:
    """A metered step that was not begun: back in the pump's hands as it is."""
    slot = Slot.UPLOAD if lifecycle.next_step(record) is Step.UPLOAD else Slot.IMPORT
    return lifecycle.awaiting_slot(record, slot, ready_at, now)


def given_back(record: FileRecord, ready_at: datetime, now: datetime) -> FileRecord:
    """A metered step that was begun and refused, which is not the file's fault: as before it.

    The attempt counted by the claim is returned.
    """
    if record.status is FileStatus.UPLOADING:
        tries = replace(record.tries, attempts=max(record.tries.attempts - 1, 0))
        back = lifecycle.moved(record, FileStatus.PENDING, tries=tries)
    else:
        back = lifecycle.moved(record, FileStatus.UPLOADED)
    return postponed(back, ready_at, now)


def error_noted(record: FileRecord, error: GatewayError, now: datetime) -> FileRecord:
    """One more error in a row: the next wait is longer."""
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
    """A metered step failed in a way that may pass: wait and try again, up to the bound.

    The upload is kept where the import failed. An upload was counted when it was claimed, an
    import is counted here: one that nobody lived to tell of is found by the search for uncertain
    imports, which calls this too.
    """
    importing = record.status in (FileStatus.IMPORTING, FileStatus.UNCERTAIN)
    attempts = record.tries.attempts + (1 if importing else 0)
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
