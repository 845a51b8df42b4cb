"""One file's journey: the legal moves of its record, as functions from record to record.

    PENDING -> UPLOADING -> UPLOADED -> IMPORTING -> INDEXED
    aside: UNCERTAIN (an import of unknown outcome), FAILED, SKIPPED,
           REMOVAL_CANDIDATE -> DELETING -> DELETED

Three rules carry it:

* A delivery *claims* the record before it does anything that costs; a live claim excludes
  every other delivery, an expired one is taken over.
* Every move that needs another task bumps ``schedule.seq`` in the same write, and the task's
  name holds the number: a late delivery of an older task is recognised and can't fork the chain.
* A move before a remote call says what will be called (``raw_file``, ``import_call``), so that
  whoever comes after a crash looks for its effect before calling again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from shared.domain.errors import TOO_MANY_REQUESTS
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.record import (
    Claim,
    FileRecord,
    FileStatus,
    FileTask,
    Requests,
    Schedule,
    Slot,
)
from shared.domain.ids import digest

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
        FileStatus.DELETING: "deleted skipped pending indexed removal_candidate",
        FileStatus.DELETED: "pending skipped indexed removal_candidate",
    }.items()
}
"""Staying where one is is always legal; a record that isn't there yet may start anywhere."""


class IllegalMove(Exception):
    """A record was moved in a way its journey doesn't allow: a defect, not an event."""


def moved(record: FileRecord, status: FileStatus, **changes: object) -> FileRecord:
    """The record in another status. Raises ``IllegalMove`` where the journey has no such move."""
    if status is not record.status and status not in LEGAL_MOVES[record.status]:
        raise IllegalMove(f"{record.path!r}: {record.status} -> {status}")
    return replace(record, status=status, **changes)  # type: ignore[arg-type]  # field names


class Step(StrEnum):
    """What the next delivery for a record does."""

    NOTHING = "nothing"
    UPLOAD = "upload"
    AWAIT_ACTIVE = "await_active"
    IMPORT = "import"
    AWAIT_IMPORT = "await_import"
    REMOVE = "remove"

    @property
    def is_metered(self) -> bool:
        return self in (Step.UPLOAD, Step.IMPORT)


def next_step(record: FileRecord) -> Step:
    """What a delivery for this record has to do now."""
    match record.status:
        case FileStatus.PENDING | FileStatus.UPLOADING:
            return Step.UPLOAD
        case FileStatus.UPLOADED:
            is_active = record.raw_file is not None and record.raw_file.is_active
            return Step.IMPORT if is_active else Step.AWAIT_ACTIVE
        case FileStatus.IMPORTING:
            return Step.AWAIT_IMPORT
        case FileStatus.DELETING:
            return Step.REMOVE
        case _:
            return Step.NOTHING


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
    if next_step(record) is Step.NOTHING or record.schedule.slot is not None:
        return Turn.OVER
    if seq < record.schedule.seq:
        return Turn.STALE
    if record.claim is not None and now < record.claim.expires_at:
        return Turn.BUSY
    return Turn.MINE


def claimed(record: FileRecord, claim_id: str, now: datetime, policy: FilePolicy) -> FileRecord:
    """The record in the hands of one delivery until the claim expires."""
    expires_at = now + policy.claim_lifetime
    return replace(
        record,
        claim=Claim(claim_id, expires_at),
        schedule=replace(record.schedule, overdue_at=expires_at + policy.overdue_grace),
        updated_at=now,
    )


def task_name(record: FileRecord, seq: int) -> str:
    """The Cloud Tasks id of one task: hashed, so that names are spread and never repeat."""
    return digest("task", record.batch_id or "", record.path, record.desired_key or "", seq)


def handed_on(
    record: FileRecord, queue: str, at: datetime, now: datetime, policy: FilePolicy
) -> FileRecord:
    """The record with a new task to be made at ``at``; any claim ends here."""
    seq = record.schedule.seq + 1
    return replace(
        record,
        schedule=Schedule(
            seq=seq,
            task=FileTask(task_name(record, seq), queue, at),
            overdue_at=max(at, now) + policy.overdue_grace,
            deadline=record.schedule.deadline,
        ),
        claim=None,
        updated_at=now,
    )


def is_stuck(record: FileRecord, since: datetime, now: datetime, policy: FilePolicy) -> bool:
    """Whether the file's next step fails so often that no batch should wait for it.

    Its latest error must have come after ``since``. A wait with a deadline ends by that, an import
    of unknown outcome by a listing of the store, and a 429 is no failure.
    """
    tries, deadline = record.tries, record.schedule.deadline
    if record.claim or record.status is FileStatus.UNCERTAIN or tries.error_at is None:
        return False
    ends = deadline is not None and now < deadline
    throttled = record.failure is not None and record.failure.code == TOO_MANY_REQUESTS
    often = tries.errors_in_a_row >= policy.stuck_after and tries.error_at >= since
    return often and not ends and not throttled


def taken_over(record: FileRecord, batch_id: str) -> FileRecord:
    """The record in the hands of a batch, which counts its requests from here on."""
    if record.batch_id == batch_id:
        return record
    return replace(record, batch_id=batch_id, requests=Requests())


def awaiting_slot(record: FileRecord, slot: Slot, ready_at: datetime, now: datetime) -> FileRecord:
    """The record back in the pump's hands: no task is responsible any more."""
    schedule = Schedule(record.schedule.seq + 1, slot=slot, ready_at=ready_at)
    return replace(record, schedule=schedule, claim=None, updated_at=now)


def at_rest(record: FileRecord, now: datetime) -> FileRecord:
    """The record in nobody's hands: no task, no slot, no claim."""
    return replace(record, schedule=Schedule(record.schedule.seq), claim=None, updated_at=now)
