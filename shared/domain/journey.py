"""One file's journey: the legal moves of its record, as functions from record to record.

    PENDING -> UPLOADING -> UPLOADED -> IMPORTING -> INDEXED
    aside: UNCERTAIN (an import of unknown outcome), FAILED, SKIPPED,
           REMOVAL_CANDIDATE -> DELETING -> DELETED

Three rules carry it:

* A dispatch *claims* the record before it does anything that costs; a live claim excludes
  every other dispatch, an expired one is taken over.
* Every move that needs another dispatch bumps ``task_seq`` in the same write, and the task's
  name holds the number: a late delivery of an older task is recognised and can't fork the chain.
* A move before a remote call says what will be called (``raw_file``, ``operation_id``), so that
  whoever comes after a crash looks for its effect before calling again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.content import digest
from shared.domain.files import UNFINISHED, FailureKind, FileRecord, FileStatus, Slot

LEGAL_MOVES: dict[FileStatus, frozenset[FileStatus]] = {
    status: frozenset(FileStatus(name) for name in names.split())
    for status, names in {
        FileStatus.PENDING: "uploading importing indexed failed skipped removal_candidate deleted",
        FileStatus.UPLOADING: "uploaded pending indexed failed",
        FileStatus.UPLOADED: "importing pending failed",
        FileStatus.IMPORTING: "indexed uncertain uploaded pending failed",
        FileStatus.UNCERTAIN: "importing uploaded pending failed",
        FileStatus.INDEXED: "pending importing removal_candidate",
        FileStatus.FAILED: "pending importing indexed skipped removal_candidate deleted",
        FileStatus.SKIPPED: "pending removal_candidate deleted",
        FileStatus.REMOVAL_CANDIDATE: "deleting indexed pending",
        FileStatus.DELETING: "deleted skipped pending indexed",
        FileStatus.DELETED: "pending skipped indexed removal_candidate",
    }.items()
}
"""Staying where one is is always legal; a record that isn't there yet may start anywhere."""


class IllegalMove(Exception):
    """A record was moved in a way its journey doesn't allow: a defect, not an event."""


class Step(StrEnum):
    """What the next dispatch for a record does."""

    NOTHING = "nothing"
    UPLOAD = "upload"
    AWAIT_ACTIVE = "await_active"
    IMPORT = "import"
    AWAIT_IMPORT = "await_import"
    REMOVE = "remove"

    @property
    def is_metered(self) -> bool:
        return self in (Step.UPLOAD, Step.IMPORT)


@dataclass(frozen=True, slots=True)
class JourneyPolicy:
    """The journey's times and bounds. ``scaled`` divides the times for local use.

    A claim must outlive the function's timeout: a thread goes on working after its request was
    given up.
    """

    claim_lifetime: timedelta = timedelta(seconds=660)
    overdue_grace: timedelta = timedelta(seconds=120)
    max_attempts: int = 5
    backoff_first: timedelta = timedelta(seconds=10)
    backoff_most: timedelta = timedelta(minutes=10)
    active_deadline: timedelta = timedelta(minutes=15)
    import_deadline: timedelta = timedelta(hours=1)
    failed_grace: timedelta = timedelta(minutes=5)
    poll_first: timedelta = timedelta(seconds=5)
    poll_most: timedelta = timedelta(seconds=60)
    raw_reserve: timedelta = timedelta(hours=2)
    exhausted_first: timedelta = timedelta(days=1)
    exhausted_most: timedelta = timedelta(days=32)

    def scaled(self, time_scale: float) -> JourneyPolicy:
        """The same policy with its waits divided by ``time_scale``.

        What the service counts in real hours (raw files) and what spans runs (days) stays.
        """
        return replace(
            self,
            claim_lifetime=self.claim_lifetime / time_scale,
            overdue_grace=self.overdue_grace / time_scale,
            backoff_first=self.backoff_first / time_scale,
            backoff_most=self.backoff_most / time_scale,
            active_deadline=self.active_deadline / time_scale,
            import_deadline=self.import_deadline / time_scale,
            failed_grace=self.failed_grace / time_scale,
            poll_first=self.poll_first / time_scale,
            poll_most=self.poll_most / time_scale,
        )

    def backoff(self, errors_in_a_row: int, jitter: float) -> timedelta:
        """Doubling wait after the n-th error in a row, times 0.5 to 1 by ``jitter`` (0 to 1)."""
        doubled = self.backoff_first * 2.0 ** min(max(errors_in_a_row - 1, 0), 16)
        return min(doubled, self.backoff_most) * (0.5 + jitter / 2)


def moved(record: FileRecord, status: FileStatus, **changes: object) -> FileRecord:
    """The record in another status. Raises ``IllegalMove`` where the journey has no such move."""
    if status is not record.status and status not in LEGAL_MOVES[record.status]:
        raise IllegalMove(f"{record.path!r}: {record.status} -> {status}")
    return replace(record, status=status, **changes)  # type: ignore[arg-type]  # field names


def next_step(record: FileRecord) -> Step:
    """What a dispatch for this record has to do now."""
    match record.status:
        case FileStatus.PENDING | FileStatus.UPLOADING:
            return Step.UPLOAD
        case FileStatus.UPLOADED:
            return Step.IMPORT if record.raw_active else Step.AWAIT_ACTIVE
        case FileStatus.IMPORTING:
            return Step.AWAIT_IMPORT
        case FileStatus.DELETING:
            return Step.REMOVE
        case _:
            return Step.NOTHING


# --- whose turn it is -----------------------------------------------------------------------


class Turn(StrEnum):
    """What a delivery of task ``seq`` finds."""

    MINE = "mine"
    OVER = "over"
    STALE = "stale"
    BUSY = "busy"


def turn(record: FileRecord, seq: int, now: datetime) -> Turn:
    """Whether the delivery of task ``seq`` may work on the record.

    STALE: a newer task is responsible. BUSY: another delivery holds a live claim. OVER: there
    is nothing to do. ``now`` is the database's read time.
    """
    if next_step(record) is Step.NOTHING or record.slot is not Slot.NONE:
        return Turn.OVER
    if seq < record.task_seq:
        return Turn.STALE
    if record.claim_id and record.claim_expires_at and now < record.claim_expires_at:
        return Turn.BUSY
    return Turn.MINE


def claimed(record: FileRecord, claim_id: str, now: datetime, policy: JourneyPolicy) -> FileRecord:
    """The record in the hands of one dispatch until the claim expires."""
    expires_at = now + policy.claim_lifetime
    return replace(
        record,
        claim_id=claim_id,
        claim_expires_at=expires_at,
        overdue_at=expires_at + policy.overdue_grace,
        updated_at=now,
    )


# --- who acts next --------------------------------------------------------------------------


def task_name(record: FileRecord, seq: int) -> str:
    """The Cloud Tasks id of one hop: hashed, so that names are spread and never repeat."""
    return digest("task", record.batch_id, record.path, record.desired_key, seq)


def handed_on(
    record: FileRecord, queue: str, at: datetime, now: datetime, policy: JourneyPolicy
) -> FileRecord:
    """The record with a new task to be made at ``at``; any claim ends here."""
    seq = record.task_seq + 1
    return replace(
        record,
        task_seq=seq,
        task_id=task_name(record, seq),
        task_queue=queue,
        task_at=at,
        overdue_at=max(at, now) + policy.overdue_grace,
        slot=Slot.NONE,
        ready_at=None,
        claim_id="",
        claim_expires_at=None,
        updated_at=now,
    )


def taken_over(record: FileRecord, batch_id: str) -> FileRecord:
    """The record in the hands of a batch, which counts its requests from here on."""
    if record.batch_id == batch_id:
        return record
    return replace(record, batch_id=batch_id, metered=0, throttled=0, unmetered=0)


def awaiting_slot(record: FileRecord, slot: Slot, ready_at: datetime, now: datetime) -> FileRecord:
    """The record back in the pump's hands: no task is responsible any more."""
    return replace(
        _at_rest(record, now), slot=slot, ready_at=ready_at, task_seq=record.task_seq + 1
    )


def _at_rest(record: FileRecord, now: datetime) -> FileRecord:
    return replace(
        record,
        task_id="",
        task_queue="",
        task_at=None,
        overdue_at=None,
        slot=Slot.NONE,
        ready_at=None,
        claim_id="",
        claim_expires_at=None,
        wait_deadline=None,
        updated_at=now,
    )


# --- upload ---------------------------------------------------------------------------------


def upload_begun(record: FileRecord, raw_file: str) -> FileRecord:
    """An upload under the name ``raw_file`` is about to be sent; a crash counts as a try."""
    same_content = record.working_key == record.desired_key
    return moved(
        _shelved(record),
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
    record: FileRecord, expires_at: datetime | None, now: datetime, policy: JourneyPolicy
) -> FileRecord:
    """The raw file is there; it may still be processing."""
    return moved(
        record,
        FileStatus.UPLOADED,
        raw_expires_at=expires_at,
        wait_deadline=now + policy.active_deadline,
        errors_in_a_row=0,
    )


def raw_became_active(record: FileRecord, now: datetime) -> FileRecord:
    """The raw file can be imported: wait for a slot."""
    return awaiting_slot(replace(record, raw_active=True), Slot.IMPORT, now, now)


def is_back(record: FileRecord) -> bool:
    """Whether the bucket has gone back to what is indexed, so that nothing needs to be sent."""
    wanted = bool(record.desired_key) and record.desired_key == record.current_key
    return wanted and not record.stale_documents and not record.new_document


def restarted(record: FileRecord, now: datetime, policy: JourneyPolicy) -> FileRecord:
    """From the upload again, under a new name, the earlier upload being of no use.

    Where the bucket has gone back to what is indexed, there is nothing to upload.
    """
    if record.attempts >= policy.max_attempts and record.working_key == record.desired_key:
        reason = "every upload turned out to be of no use"
        return failed(record, FailureKind.EXHAUSTED, reason, None, now, policy)
    again = moved(
        _shelved(record),
        FileStatus.PENDING,
        upload_epoch=record.upload_epoch + 1,
        raw_file="",
        raw_active=False,
        raw_expires_at=None,
    )
    if is_back(again):
        return kept(again, now)
    return awaiting_slot(again, Slot.UPLOAD, now, now)


# --- import ---------------------------------------------------------------------------------


def import_begun(record: FileRecord, operation_id: str, reports: tuple[str, ...]) -> FileRecord:
    """The intent of an import: ``operations/{operation_id}`` is created in the same write."""
    return moved(
        _shelved(record),
        FileStatus.IMPORTING,
        operation_id=operation_id,
        operation_name="",
        metadata_reports=reports,
    )


def import_started(
    record: FileRecord, operation_name: str, now: datetime, policy: JourneyPolicy
) -> FileRecord:
    """The service gave the import a name: from now on it is polled, never sent again."""
    return replace(
        record,
        operation_name=operation_name,
        wait_deadline=now + policy.import_deadline,
        errors_in_a_row=0,
    )


def import_uncertain(record: FileRecord, now: datetime, policy: JourneyPolicy) -> FileRecord:
    """Sent, and nobody knows whether it took effect: the shared sweep of the store decides.

    Not before the import's own deadline: until then the document may still appear.
    """
    return replace(
        _at_rest(moved(record, FileStatus.UNCERTAIN), now),
        ready_at=now + policy.import_deadline,
        task_seq=record.task_seq + 1,
    )


def adopted(record: FileRecord, document: str, now: datetime, policy: JourneyPolicy) -> FileRecord:
    """The sweep found the document of an uncertain import."""
    return replace(
        moved(record, FileStatus.IMPORTING),
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
    policy: JourneyPolicy,
) -> FileRecord:
    """A document found in the store is to be the path's only one: verified, then the rest goes.

    Nothing was uploaded for it; ``operations/{operation_id}`` is created in the same write, and
    the task of its verification is the caller's to hand on to.
    """
    return moved(
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


def _shelved(record: FileRecord) -> FileRecord:
    """An unverified document is never forgotten: it goes with the stale ones."""
    if not record.new_document:
        return record
    return replace(
        record,
        stale_documents=(*record.stale_documents, record.new_document),
        new_document="",
        document_failed_at=None,
    )


def document_known(record: FileRecord, document: str) -> FileRecord:
    """The import's document; what the path held before is stale from here on."""
    return replace(record, new_document=document)


def document_gone(record: FileRecord) -> FileRecord:
    """The document that came of the import, or was doubted, was deleted."""
    gone = replace(record, new_document="", document_failed_at=None)
    if record.new_document != record.current_document:
        return gone
    return replace(
        gone, current_key="", current_document="", current_content_hash="", current_size=0
    )


def settled(record: FileRecord, now: datetime) -> FileRecord:
    """The journey's end: the document is verified, its forerunners and the raw file are gone.

    Where the bucket has moved on meanwhile the next journey starts at once.
    """
    done = replace(
        _without_failure(_at_rest(moved(record, FileStatus.INDEXED), now)),
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
    if record.desired_key == record.working_key:
        return done
    if record.desired_key:
        return journey_begun(done, now)
    return moved(done, FileStatus.REMOVAL_CANDIDATE)


def given_up(record: FileRecord, now: datetime) -> FileRecord:
    """The bucket no longer wants what this journey was bringing; nothing of it was imported."""
    before = replace(
        _at_rest(moved(record, FileStatus.PENDING), now), raw_file="", raw_active=False
    )
    if documents_to_remove(before):
        return moved(before, FileStatus.REMOVAL_CANDIDATE)
    return removed(before, now)


def journey_begun(record: FileRecord, now: datetime) -> FileRecord:
    """PENDING with a clean sheet: new content, or a failure that may be tried again."""
    return awaiting_slot(
        replace(
            _without_failure(moved(record, FileStatus.PENDING)),
            attempts=0,
            errors_in_a_row=0,
        ),
        Slot.UPLOAD,
        now,
        now,
    )


# --- trouble --------------------------------------------------------------------------------


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


def postponed(record: FileRecord, ready_at: datetime, now: datetime) -> FileRecord:
    """A metered step that was not begun: back in the pump's hands as it is."""
    slot = Slot.UPLOAD if next_step(record) is Step.UPLOAD else Slot.IMPORT
    return awaiting_slot(record, slot, ready_at, now)


def given_back(record: FileRecord, ready_at: datetime, now: datetime) -> FileRecord:
    """A metered step that was begun and refused, which is not the file's fault: as before it.

    The attempt counted by the claim is returned.
    """
    if record.status is FileStatus.UPLOADING:
        back = moved(record, FileStatus.PENDING, attempts=max(record.attempts - 1, 0))
    else:
        back = moved(record, FileStatus.UPLOADED)
    return postponed(back, ready_at, now)


def error_noted(record: FileRecord) -> FileRecord:
    """One more error in a row: the next wait is longer."""
    return replace(record, errors_in_a_row=record.errors_in_a_row + 1)


def tried_again(
    record: FileRecord,
    reason: str,
    code: int | None,
    now: datetime,
    jitter: float,
    policy: JourneyPolicy,
) -> FileRecord:
    """A metered step failed in a way that may pass: wait and try again, up to the bound.

    The upload is kept where the import failed. An upload was counted when it was claimed, an
    import is counted here: its crash is found by the sweep, which calls this too.
    """
    importing = record.status in (FileStatus.IMPORTING, FileStatus.UNCERTAIN)
    attempts = record.attempts + (1 if importing else 0)
    keeps_upload = importing and bool(record.raw_file)
    if attempts > policy.max_attempts or (attempts == policy.max_attempts and not importing):
        return failed(record, FailureKind.EXHAUSTED, reason, code, now, policy)
    errors = record.errors_in_a_row + 1
    slot = Slot.IMPORT if keeps_upload else Slot.UPLOAD
    return awaiting_slot(
        moved(
            _shelved(record),
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


def failed(
    record: FileRecord,
    kind: FailureKind,
    reason: str,
    code: int | None,
    now: datetime,
    policy: JourneyPolicy,
) -> FileRecord:
    """Out of tries, or never going to work. What the store holds of the path stays as it is."""
    if not record.desired_key:  # and the bucket has lost it meanwhile
        return given_up(record, now)
    rounds = record.exhausted_rounds + (1 if kind is FailureKind.EXHAUSTED else 0)
    doublings = min(max(rounds - 1, 0), 16)  # far past the most, far below what a timedelta holds
    wait = min(policy.exhausted_first * 2.0**doublings, policy.exhausted_most)
    return replace(
        _at_rest(moved(record, FileStatus.FAILED), now),
        attempts=min(record.attempts, policy.max_attempts),
        failure_kind=kind,
        failure_reason=reason,
        failure_code=code,
        failed_key=record.desired_key,
        failed_at=now,
        exhausted_rounds=rounds,
        eligible_at=now + wait if kind is FailureKind.EXHAUSTED else None,
    )


# --- another store ---------------------------------------------------------------------------


def moved_to_store(record: FileRecord, store: str) -> FileRecord:
    """The record as one of ``store``: what it has in another one is retired, not deleted.

    Until a cut-over the other store serves searches, so its documents go last.
    """
    elsewhere = [
        name
        for name in (*record.stale_documents, record.current_document)
        if name and not name.startswith(f"{store}/")
    ]
    if not elsewhere:
        return record
    retired = tuple(dict.fromkeys((*record.retired_documents, *elsewhere)))
    stale = tuple(name for name in record.stale_documents if name not in elsewhere)
    kept_here = replace(record, retired_documents=retired, stale_documents=stale)
    if record.current_document not in elsewhere:
        return kept_here
    return replace(
        kept_here,
        # At rest nothing brings it into this store: it is as if nothing had been aimed at yet.
        desired_key=record.desired_key if record.status in UNFINISHED else "",
        current_key="",
        current_document="",
        current_content_hash="",
        current_size=0,
    )


# --- removal --------------------------------------------------------------------------------


def documents_to_remove(record: FileRecord) -> tuple[str, ...]:
    """Every document this record knows of, oldest first."""
    ours = (*record.stale_documents, record.current_document, record.new_document)
    known = (*record.retired_documents, *ours)
    return tuple(dict.fromkeys(name for name in known if name))


def forerunners(record: FileRecord) -> tuple[str, ...]:
    """The documents that must go before ``new_document`` is the path's only one."""
    known = (*record.stale_documents, record.current_document)
    return tuple(dict.fromkeys(name for name in known if name and name != record.new_document))


def removal_begun(
    record: FileRecord, batch_id: str, queue: str, now: datetime, policy: JourneyPolicy
) -> FileRecord:
    """A candidate that the batch's guards let go."""
    begun = moved(taken_over(record, batch_id), FileStatus.DELETING)
    return handed_on(begun, queue, now, now, policy)


def documents_going(record: FileRecord) -> FileRecord:
    """Its documents are about to be deleted.

    None of them is the current one from here on, even if the object comes back before the
    deletion is noted.
    """
    return replace(
        record,
        stale_documents=documents_to_remove(record),
        current_key="",
        current_document="",
        current_content_hash="",
        current_size=0,
        new_document="",
        retired_documents=(),
    )


def kept(record: FileRecord, now: datetime) -> FileRecord:
    """A removal or a journey that is not needed after all."""
    return replace(
        _without_failure(_at_rest(moved(record, FileStatus.INDEXED), now)),
        raw_file="",  # what was uploaded for it expires by itself
        raw_active=False,
        raw_expires_at=None,
        attempts=0,
        errors_in_a_row=0,
    )


def removed(record: FileRecord, now: datetime) -> FileRecord:
    """The store holds nothing of this path any more."""
    status = FileStatus.SKIPPED if record.desired_skip_reason else FileStatus.DELETED
    return replace(
        _at_rest(moved(record, status), now),
        removed_in=record.batch_id if documents_to_remove(record) else record.removed_in,
        current_key="",
        current_document="",
        current_content_hash="",
        current_size=0,
        new_document="",
        stale_documents=(),
        retired_documents=(),
        raw_file="",
        attempts=0,
        errors_in_a_row=0,
    )


def is_unfinished(record: FileRecord) -> bool:
    """Whether a batch has to wait for this file."""
    return record.status in UNFINISHED
