"""How the processing of a file begins, and every way in which it ends.

A scan may change what is desired until the write that ends the processing, and then remembers the
range of names as done. So each end checks ``desired`` once more, and starts again if it changed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.file import keeping, known_documents, lifecycle
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.record import (
    Change,
    Current,
    Desired,
    Failure,
    FailureKind,
    FileRecord,
    FileStatus,
    Slot,
    Tries,
    Verdict,
    Working,
    with_working,
)
from shared.domain.source.eligibility import RULES


def begun(record: FileRecord, now: datetime) -> FileRecord:
    """Start processing: PENDING, without earlier attempts or a failure."""
    pending = lifecycle.moved(
        record, FileStatus.PENDING, tries=record.tries.cleared(), failure=None
    )
    return lifecycle.awaiting_slot(pending, Slot.UPLOAD, now, now)


def settled(record: FileRecord, now: datetime) -> FileRecord:
    """End with INDEXED: the document is verified; older documents and the raw file are deleted.

    Raises ``ValueError`` if no document is known.
    """
    working, document = record.working, record.new_document
    if working is None or document is None:
        raise ValueError(f"no document of {record.path!r} is known")
    done = lifecycle.moved(
        record,
        FileStatus.INDEXED,
        current=_served(record, working, document),
        indexed_at=now,
        working=None,
        stale_documents=(),
        upload_epoch=0,
        tries=Tries(error_at=record.tries.error_at),
        failure=None,
    )
    return _or_started_again(lifecycle.at_rest(done, now), now)


def _served(record: FileRecord, working: Working, document: str) -> Current:
    """The document that is served from now on, with the import that made it."""
    call = working.import_call
    if record.current is not None and record.current_document == document:
        call = record.current.import_call  # it was verified once more
    return Current(working.key, document, working.content_hash, working.size, working.hashes, call)


def kept(record: FileRecord, now: datetime) -> FileRecord:
    """End with INDEXED and the current document: the removal or import is no longer needed."""
    stays = lifecycle.moved(
        record,
        FileStatus.INDEXED,
        working=None,
        tries=record.tries.cleared(),
        failure=None,
    )
    return _or_started_again(lifecycle.at_rest(stays, now), now)


def _or_started_again(indexed: FileRecord, now: datetime) -> FileRecord:
    """The indexed file; started again, or a removal candidate, if the bucket wants otherwise."""
    if indexed.desired_key == indexed.current_key:
        return indexed
    if indexed.desired_key:
        return begun(indexed, now)
    return let_go(indexed, now)


def let_go(record: FileRecord, now: datetime) -> FileRecord:
    """End without wanting a document: it stays, becomes a removal candidate, or there is none."""
    at_rest = lifecycle.at_rest(record, now)
    if keeping.keeps_documents(at_rest):
        return lifecycle.moved(
            replace(known_documents.shelved(at_rest), working=None),
            FileStatus.SKIPPED,
            asks_first=keeping.is_to_be_asked(at_rest),
            tries=record.tries.cleared(),
            failure=None,
        )
    if known_documents.documents_to_remove(at_rest):
        return lifecycle.moved(at_rest, FileStatus.REMOVAL_CANDIDATE)
    return removed(at_rest, now)


def is_back(record: FileRecord) -> bool:
    """Whether the bucket wants what is indexed already, so that nothing needs to be sent."""
    wanted = record.desired_key is not None and record.desired_key == record.current_key
    return wanted and known_documents.holds_one(record)


def given_up(record: FileRecord, now: datetime) -> FileRecord:
    """Stop processing content that the bucket no longer wants and that was not imported."""
    before = lifecycle.moved(with_working(record, raw_file=None), FileStatus.PENDING)
    before = lifecycle.at_rest(before, now)
    return begun(before, now) if record.desired_key else let_go(before, now)


def store_lost(record: FileRecord, store: str, now: datetime) -> FileRecord:
    """Start anew: the file was on its way into or out of ``store``, which is gone.

    Nothing that was sent is waited for any more, and no attempt counts. What the bucket doesn't
    want is over, unless another store holds documents of it.
    """
    left = known_documents.without_store(record, store)
    waits = record.status is FileStatus.REMOVAL_CANDIDATE
    if waits and known_documents.documents_to_remove(left):
        return left
    return given_up(replace(left, working=None), now)


def skipped(record: FileRecord, reason: str, now: datetime) -> FileRecord:
    """End without an import: a read of the content showed ``reason``, and nothing was sent of it.

    The next scan compares the file again, for the range's figures. Raises ``ValueError`` if the
    bucket wants no document.
    """
    desired = record.desired
    if desired is None or desired.key is None:
        raise ValueError(f"the bucket wants no document for {record.path!r}")
    found = replace(
        record,
        desired=replace(desired, key=None, skip_reason=reason, media_type=None, tokens=0),
        verdict=Verdict(desired.key, skip_reason=reason, rules=RULES),
        change=Change.SKIPPED,
        rescan=True,
    )
    return given_up(found, now)


def left(record: FileRecord, now: datetime, policy: FilePolicy) -> FileRecord:
    """Leave an object that keeps changing to the next sync, which compares it anew.

    What the store serves stays. If documents are left over that only another import can replace,
    the file counts as out of attempts instead, so that it stays known.
    """
    if known_documents.shelved(record).stale_documents:
        reason = "the object changed each time it was to be imported"
        return failed(record, FailureKind.EXHAUSTED, reason, None, now, policy)
    current = record.current
    before = lifecycle.moved(record, FileStatus.PENDING)
    return lifecycle.moved(
        lifecycle.at_rest(before, now),
        FileStatus.INDEXED if current else FileStatus.DELETED,
        desired=Desired(current.key) if current else None,
        working=None,
        rescan=True,
        left_in=record.batch_id,
        tries=record.tries.cleared(),
        failure=None,
    )


def failed(
    record: FileRecord,
    kind: FailureKind,
    reason: str,
    code: int | None,
    now: datetime,
    policy: FilePolicy,
) -> FileRecord:
    """End with FAILED: out of attempts, or permanently. The file's documents stay in the store.

    If the bucket no longer wants the failed content, ends or starts again without a failure.
    """
    if not record.desired_key:
        return given_up(record, now)
    if record.working_key not in (None, record.desired_key):
        return begun(record, now)
    is_exhausted = kind is FailureKind.EXHAUSTED
    rounds = record.tries.exhausted_rounds + (1 if is_exhausted else 0)
    doublings = min(max(rounds - 1, 0), 16)  # beyond the longest wait, and no overflow
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
    """Start the removal of a candidate that the batch has released."""
    deleting = lifecycle.moved(lifecycle.taken_over(record, batch_id), FileStatus.DELETING)
    return lifecycle.handed_on(deleting, queue, now, now, policy)


def may_halt_removal(record: FileRecord) -> bool:
    """Whether the removal can still be stopped, since it hasn't begun to delete documents.

    A removal that has begun must be finished: only it knows whether a document is left over that
    an object which has come back wants.
    """
    return record.status is FileStatus.DELETING and record.current is not None


def removal_halted(record: FileRecord, now: datetime) -> FileRecord:
    """Stop a removal whose batch no longer runs: another batch has to release it again."""
    if is_back(record):
        return kept(record, now)
    if record.desired_key:  # a scan has found the object again
        return begun(record, now)
    return let_go(record, now)


def removed(record: FileRecord, now: datetime) -> FileRecord:
    """End a removal: the store holds no document of this path."""
    status = FileStatus.SKIPPED if record.skip_reason else FileStatus.DELETED
    held_any = bool(known_documents.documents_to_remove(record))
    if record.desired_key:  # a scan found the object again while its documents were deleted
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
