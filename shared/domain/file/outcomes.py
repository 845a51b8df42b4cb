"""Both ends of a file's way: how it begins, and every way in which it ends.

A scan may write another aim until the very write that ends the file's way, and remembers the page
it found the file on. So each end looks at the aim once more, and begins anew where it has moved.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.file import known_documents, lifecycle
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.record import (
    Current,
    Failure,
    FailureKind,
    FileRecord,
    FileStatus,
    Slot,
    Tries,
    with_working,
)


def begun(record: FileRecord, now: datetime) -> FileRecord:
    """PENDING with a clean sheet: new content, or a failure that may be tried again."""
    pending = lifecycle.moved(
        record, FileStatus.PENDING, tries=record.tries.cleared(), failure=None
    )
    return lifecycle.awaiting_slot(pending, Slot.UPLOAD, now, now)


def settled(record: FileRecord, now: datetime) -> FileRecord:
    """INDEXED: the document is verified, its forerunners and the raw file are gone.

    Raises ``ValueError`` where no document is known.
    """
    working, document = record.working, record.new_document
    if working is None or document is None:
        raise ValueError(f"no document of {record.path!r} is known")
    done = lifecycle.moved(
        record,
        FileStatus.INDEXED,
        current=Current(working.key, document, working.content_hash, working.size),
        indexed_at=now,
        working=None,
        stale_documents=(),
        upload_epoch=0,
        tries=Tries(error_at=record.tries.error_at),
        failure=None,
    )
    return _as_aimed(lifecycle.at_rest(done, now), now)


def kept(record: FileRecord, now: datetime) -> FileRecord:
    """INDEXED as it was: a removal or an import that is not needed after all."""
    stays = lifecycle.moved(
        record,
        FileStatus.INDEXED,
        # The raw file expires by itself; a document that isn't verified must not be forgotten.
        working=with_working(record, raw_file=None).working if record.new_document else None,
        tries=record.tries.cleared(),
        failure=None,
    )
    return _as_aimed(lifecycle.at_rest(stays, now), now)


def _as_aimed(indexed: FileRecord, now: datetime) -> FileRecord:
    """The indexed file, or on its way to what the bucket wants of it by now."""
    if indexed.desired_key == indexed.current_key:
        return indexed
    if indexed.desired_key:
        return begun(indexed, now)
    return lifecycle.moved(indexed, FileStatus.REMOVAL_CANDIDATE)


def is_back(record: FileRecord) -> bool:
    """Whether the bucket has gone back to what is indexed, so that nothing needs to be sent."""
    wanted = record.desired_key is not None and record.desired_key == record.current_key
    return wanted and not record.stale_documents and not record.new_document


def given_up(record: FileRecord, now: datetime) -> FileRecord:
    """The bucket no longer wants what was on its way; nothing of it was imported."""
    before = lifecycle.moved(with_working(record, raw_file=None), FileStatus.PENDING)
    before = lifecycle.at_rest(before, now)
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
    if record.working_key not in (None, record.desired_key):  # what failed is no longer wanted
        return begun(record, now)
    is_exhausted = kind is FailureKind.EXHAUSTED
    rounds = record.tries.exhausted_rounds + (1 if is_exhausted else 0)
    doublings = min(max(rounds - 1, 0), 16)  # far past the most, far below what a timedelta holds
    wait = min(policy.exhausted_first * 2.0**doublings, policy.exhausted_most)
    attempts = min(record.tries.attempts, policy.max_attempts)
    return lifecycle.moved(
        lifecycle.at_rest(record, now),
        FileStatus.FAILED,
        tries=replace(record.tries, attempts=attempts, exhausted_rounds=rounds),
        failure=Failure(reason, code, kind, now, now + wait if is_exhausted else None),
    )


def removal_begun(
    record: FileRecord, batch_id: str, queue: str, now: datetime, policy: FilePolicy
) -> FileRecord:
    """A candidate that the batch's guards let go."""
    deleting = lifecycle.moved(lifecycle.taken_over(record, batch_id), FileStatus.DELETING)
    return lifecycle.handed_on(deleting, queue, now, now, policy)


def may_halt_removal(record: FileRecord) -> bool:
    """Whether its document is still as it was: a removal that broke off is taken to its end.

    For it alone knows that the document left over may be what a returning object wants.
    """
    return record.status is FileStatus.DELETING and record.current is not None


def removal_halted(record: FileRecord, now: datetime) -> FileRecord:
    """Released by a batch that isn't running any more: another batch's guard has to agree."""
    if is_back(record):
        return kept(record, now)
    if record.desired_key:  # a scan has seen it again
        return begun(record, now)
    return lifecycle.at_rest(lifecycle.moved(record, FileStatus.REMOVAL_CANDIDATE), now)


def removed(record: FileRecord, now: datetime) -> FileRecord:
    """The store holds nothing of this path any more."""
    status = FileStatus.SKIPPED if record.skip_reason else FileStatus.DELETED
    held_any = bool(known_documents.documents_to_remove(record))
    if record.desired_key:  # it is back, and was seen while its documents were going
        status = FileStatus.PENDING
    gone = lifecycle.moved(
        lifecycle.at_rest(record, now),
        status,
        current=None,
        working=None,
        stale_documents=(),
        retired_documents=(),
        removed_in=record.batch_id if held_any else record.removed_in,
        rescan=record.rescan and status is not FileStatus.DELETED,
        tries=record.tries.cleared(),
        failure=None,
    )
    return begun(gone, now) if record.desired_key else gone
