"""Both ends of a file's journey: how it begins, and every way in which it ends.

A scan may aim at the file until the very write that ends its journey, and remembers the page it
found it on: so each end looks at the aim once more, and begins the next journey where it moved.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.file import known_documents, lifecycle
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.record import FailureKind, FileRecord, FileStatus, Slot


def begun(record: FileRecord, now: datetime) -> FileRecord:
    """PENDING with a clean sheet: new content, or a failure that may be tried again."""
    return lifecycle.awaiting_slot(
        replace(
            _without_failure(lifecycle.moved(record, FileStatus.PENDING)),
            attempts=0,
            errors_in_a_row=0,
        ),
        Slot.UPLOAD,
        now,
        now,
    )


def settled(record: FileRecord, now: datetime) -> FileRecord:
    """The journey's end: the document is verified, its forerunners and the raw file are gone."""
    done = replace(
        _without_failure(lifecycle.at_rest(lifecycle.moved(record, FileStatus.INDEXED), now)),
        current_key=record.working_key,
        current_document=record.new_document,
        current_content_hash=record.working_content_hash,
        current_size=record.working_size,
        indexed_at=now,
        new_document="",
        document_failed_at=None,
        raw_file="",
        raw_active=False,
        raw_expires_at=None,
        stale_documents=(),
        upload_epoch=0,
        attempts=0,
        errors_in_a_row=0,
        exhausted_rounds=0,
    )
    return _as_aimed(done, now)


def kept(record: FileRecord, now: datetime) -> FileRecord:
    """A removal or a journey that is not needed after all."""
    stays = replace(
        _without_failure(lifecycle.at_rest(lifecycle.moved(record, FileStatus.INDEXED), now)),
        raw_file="",  # what was uploaded for it expires by itself
        raw_active=False,
        raw_expires_at=None,
        attempts=0,
        errors_in_a_row=0,
    )
    return _as_aimed(stays, now)


def _as_aimed(indexed: FileRecord, now: datetime) -> FileRecord:
    """The indexed file, or on its way to what the bucket wants of it by now."""
    if indexed.desired_key == indexed.current_key:
        return indexed
    if indexed.desired_key:
        return begun(indexed, now)
    return lifecycle.moved(indexed, FileStatus.REMOVAL_CANDIDATE)


def is_back(record: FileRecord) -> bool:
    """Whether the bucket has gone back to what is indexed, so that nothing needs to be sent."""
    wanted = bool(record.desired_key) and record.desired_key == record.current_key
    return wanted and not record.stale_documents and not record.new_document


def given_up(record: FileRecord, now: datetime) -> FileRecord:
    """The bucket no longer wants what this journey was bringing; nothing of it was imported."""
    before = replace(
        lifecycle.at_rest(lifecycle.moved(record, FileStatus.PENDING), now),
        raw_file="",
        raw_active=False,
    )
    if record.desired_key:
        return begun(before, now)
    if known_documents.documents_to_remove(before):
        return lifecycle.moved(before, FileStatus.REMOVAL_CANDIDATE)
    return removed(before, now)


def failed(
    record: FileRecord,
    kind: FailureKind,
    reason: str,
    code: int | None,
    now: datetime,
    policy: FilePolicy,
) -> FileRecord:
    """Out of tries, or never going to work. What the store holds of the path stays as it is."""
    if not record.desired_key:  # and the bucket has lost it meanwhile
        return given_up(record, now)
    if record.working_key not in ("", record.desired_key):  # nobody wants what failed any more
        return begun(record, now)
    rounds = record.exhausted_rounds + (1 if kind is FailureKind.EXHAUSTED else 0)
    doublings = min(max(rounds - 1, 0), 16)  # far past the most, far below what a timedelta holds
    wait = min(policy.exhausted_first * 2.0**doublings, policy.exhausted_most)
    return replace(
        lifecycle.at_rest(lifecycle.moved(record, FileStatus.FAILED), now),
        attempts=min(record.attempts, policy.max_attempts),
        failure_kind=kind,
        failure_reason=reason,
        failure_code=code,
        failed_key=record.desired_key,
        failed_at=now,
        exhausted_rounds=rounds,
        eligible_at=now + wait if kind is FailureKind.EXHAUSTED else None,
    )


def removal_begun(
    record: FileRecord, batch_id: str, queue: str, now: datetime, policy: FilePolicy
) -> FileRecord:
    """A candidate that the batch's guards let go."""
    begun = lifecycle.moved(lifecycle.taken_over(record, batch_id), FileStatus.DELETING)
    return lifecycle.handed_on(begun, queue, now, now, policy)


def may_halt_removal(record: FileRecord) -> bool:
    """Whether its document is still as it was: a removal that broke off is taken to its end.

    For it alone knows that the document left over may be what a returning object wants.
    """
    return record.status is FileStatus.DELETING and bool(record.current_document)


def removal_halted(record: FileRecord, now: datetime) -> FileRecord:
    """Released by a batch that isn't running any more: another batch's guard has to agree."""
    if is_back(record):
        return kept(record, now)
    if record.desired_key:  # a scan has seen it again
        return begun(record, now)
    return lifecycle.at_rest(lifecycle.moved(record, FileStatus.REMOVAL_CANDIDATE), now)


def removed(record: FileRecord, now: datetime) -> FileRecord:
    """The store holds nothing of this path any more."""
    status = FileStatus.SKIPPED if record.desired_skip_reason else FileStatus.DELETED
    held_any = bool(known_documents.documents_to_remove(record))
    if record.desired_key:  # it is back, and was seen while its documents were going
        status = FileStatus.PENDING
    at_rest = lifecycle.at_rest(lifecycle.moved(record, status), now)
    gone = replace(
        _without_failure(known_documents.without_current(at_rest)),
        removed_in=record.batch_id if held_any else record.removed_in,
        new_document="",
        stale_documents=(),
        retired_documents=(),
        raw_file="",
        rescan=record.rescan and status is not FileStatus.DELETED,
        attempts=0,
        errors_in_a_row=0,
    )
    return begun(gone, now) if record.desired_key else gone


def _without_failure(record: FileRecord) -> FileRecord:
    return replace(
        record,
        failure_kind=FailureKind.NONE,
        failure_reason="",
        failure_code=None,
        failed_key="",
        failed_at=None,
        eligible_at=None,
    )
