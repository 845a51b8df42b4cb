"""One file's way through upload and import, and back after trouble: moves of its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.errors import GatewayError
from shared.domain.file import known_documents, lifecycle, outcomes
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.lifecycle import Step
from shared.domain.file.record import FailureKind, FileRecord, FileStatus, Slot


def upload_begun(record: FileRecord, raw_file: str) -> FileRecord:
    """An upload under the name ``raw_file`` is about to be sent; a crash counts as a try."""
    same_content = record.working_key == record.desired_key
    return lifecycle.moved(
        known_documents.shelved(record),
        FileStatus.UPLOADING,
        attempts=record.attempts + 1 if same_content else 1,
        working_key=record.desired_key,
        working_content_hash=record.desired_content_hash,
        working_size=record.desired_size,
        raw_file=raw_file,
        raw_active=False,
        raw_expires_at=None,
        operation_id="",
        operation_name="",
    )


def uploaded(
    record: FileRecord, expires_at: datetime | None, now: datetime, policy: FilePolicy
) -> FileRecord:
    """The raw file is there; it may still be processing."""
    return lifecycle.moved(
        record,
        FileStatus.UPLOADED,
        raw_expires_at=expires_at,
        wait_deadline=now + policy.active_deadline,
        errors_in_a_row=0,
    )


def raw_became_active(record: FileRecord, now: datetime) -> FileRecord:
    """The raw file can be imported: wait for a slot."""
    return lifecycle.awaiting_slot(replace(record, raw_active=True), Slot.IMPORT, now, now)


def restarted(record: FileRecord, now: datetime, policy: FilePolicy) -> FileRecord:
    """From the upload again, under a new name, the earlier upload being of no use.

    Where the bucket has gone back to what is indexed, there is nothing to upload.
    """
    if record.attempts >= policy.max_attempts and record.working_key == record.desired_key:
        reason = "every upload turned out to be of no use"
        return outcomes.failed(record, FailureKind.EXHAUSTED, reason, None, now, policy)
    again = lifecycle.moved(
        known_documents.shelved(record),
        FileStatus.PENDING,
        upload_epoch=record.upload_epoch + 1,
        raw_file="",
        raw_active=False,
        raw_expires_at=None,
    )
    if outcomes.is_back(again):
        return outcomes.kept(again, now)
    return lifecycle.awaiting_slot(again, Slot.UPLOAD, now, now)


def import_begun(record: FileRecord, operation_id: str, reports: tuple[str, ...]) -> FileRecord:
    """The intent of an import: ``operations/{operation_id}`` is created in the same write."""
    return lifecycle.moved(
        known_documents.shelved(record),
        FileStatus.IMPORTING,
        operation_id=operation_id,
        operation_name="",
        metadata_reports=reports,
    )


def import_started(
    record: FileRecord, operation_name: str, now: datetime, policy: FilePolicy
) -> FileRecord:
    """The service gave the import a name: from now on it is polled, never sent again."""
    return replace(
        record,
        operation_name=operation_name,
        wait_deadline=now + policy.import_deadline,
        errors_in_a_row=0,
    )


def import_uncertain(
    record: FileRecord, now: datetime, policy: FilePolicy, *, in_storm: bool = False
) -> FileRecord:
    """Sent, and nobody knows whether it took effect: the shared sweep of the store decides.

    Not before the import's own deadline: until then the document may still appear. In a storm of
    5xx the file is not to blame: the try that the sweep will count is given back beforehand.
    """
    tries = max(record.attempts - 1, 0) if in_storm else record.attempts
    return replace(
        lifecycle.at_rest(lifecycle.moved(record, FileStatus.UNCERTAIN, attempts=tries), now),
        ready_at=now + policy.import_deadline,
        task_seq=record.task_seq + 1,
    )


def adopted(record: FileRecord, document: str, now: datetime, policy: FilePolicy) -> FileRecord:
    """The sweep found the document of an uncertain import."""
    return replace(
        lifecycle.moved(record, FileStatus.IMPORTING),
        new_document=document,
        wait_deadline=now + policy.import_deadline,
    )


def document_doubted(
    record: FileRecord,
    *,
    document: str,
    key: str,
    content_hash: str,
    size: int,
    operation_id: str,
    now: datetime,
    policy: FilePolicy,
) -> FileRecord:
    """A document found in the store is to be the path's only one: verified, then the rest goes.

    Nothing was uploaded for it; ``operations/{operation_id}`` is created in the same write, and
    the task of its verification is the caller's to hand on to.
    """
    return lifecycle.moved(
        record,
        FileStatus.IMPORTING,
        working_key=key,
        working_content_hash=content_hash,
        working_size=size,
        new_document=document,
        document_failed_at=None,
        operation_id=operation_id,
        operation_name="",
        raw_file="",
        raw_active=False,
        raw_expires_at=None,
        wait_deadline=now + policy.import_deadline,
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
        back = lifecycle.moved(record, FileStatus.PENDING, attempts=max(record.attempts - 1, 0))
    else:
        back = lifecycle.moved(record, FileStatus.UPLOADED)
    return postponed(back, ready_at, now)


def error_noted(record: FileRecord, error: GatewayError, now: datetime) -> FileRecord:
    """One more error in a row: the next wait is longer."""
    return replace(
        record,
        errors_in_a_row=record.errors_in_a_row + 1,
        error_at=now,
        failure_reason=str(error),
        failure_code=error.code,
    )


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
    import is counted here: its crash is found by the sweep, which calls this too.
    """
    importing = record.status in (FileStatus.IMPORTING, FileStatus.UNCERTAIN)
    attempts = record.attempts + (1 if importing else 0)
    keeps_upload = importing and bool(record.raw_file)
    if attempts > policy.max_attempts or (attempts == policy.max_attempts and not importing):
        return outcomes.failed(record, FailureKind.EXHAUSTED, reason, code, now, policy)
    errors = record.errors_in_a_row + 1
    slot = Slot.IMPORT if keeps_upload else Slot.UPLOAD
    return lifecycle.awaiting_slot(
        lifecycle.moved(
            known_documents.shelved(record),
            FileStatus.UPLOADED if keeps_upload else FileStatus.PENDING,
            attempts=attempts,
            errors_in_a_row=errors,
            operation_name="",
            failure_reason=reason,
            failure_code=code,
        ),
        slot,
        now + policy.backoff(errors, jitter),
        now,
    )
