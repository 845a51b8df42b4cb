"""One file's lifecycle: the legal moves of its record, as functions from record to record.

    PENDING -> UPLOADING -> UPLOADED -> IMPORTING -> INDEXED
    besides: UNCERTAIN (an import of unknown outcome), FAILED, SKIPPED,
             REMOVAL_CANDIDATE -> DELETING -> DELETED

Three rules keep it safe:

* A delivery *claims* the record before it makes a remote call. A live claim excludes every other
  delivery; an expired claim is taken over.
* A move that needs another task increases ``schedule.seq`` in the same write, and the task's name
  depends on that number. So a late delivery of an older task is recognised, and no file ever has
  two chains of tasks.
* The record says what will be called (``raw_file``, ``import_call``) before the call is made. So
  after a crash, the next delivery looks for the effect before it calls again.
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
        FileStatus.INDEXED: "pending importing skipped removal_candidate",
        FileStatus.FAILED: "pending importing indexed skipped removal_candidate deleted",
        FileStatus.SKIPPED: "pending indexed removal_candidate deleted",
        FileStatus.REMOVAL_CANDIDATE: "deleting indexed pending skipped",
        FileStatus.DELETING: "deleted skipped pending indexed removal_candidate",
        FileStatus.DELETED: "pending skipped indexed removal_candidate",
    }.items()
}
"""Each status, with those that may follow it. Keeping a status is always legal, and a new record
may have any."""


POLLS = "polls"
"""The queue of an earlier version's tasks that looked at raw files."""


class IllegalMove(Exception):
    """``LEGAL_MOVES`` doesn't allow this move: a defect of the code."""


def moved(record: FileRecord, status: FileStatus, **changes: object) -> FileRecord:
    """The record with another status, and other changes. Raises ``IllegalMove``."""
    if status is not record.status and status not in LEGAL_MOVES[record.status]:
        raise IllegalMove(f"{record.path!r}: {record.status} -> {status}")
    asks = record.asks_first and status is FileStatus.SKIPPED
    changes = {"asks_first": asks, **changes}
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
    """The step that a delivery for this record has to take now."""
    match record.status:
        case FileStatus.PENDING | FileStatus.UPLOADING:
            return Step.UPLOAD
        case FileStatus.UPLOADED:
            return Step.AWAIT_ACTIVE if _is_to_become_active(record) else Step.IMPORT
        case FileStatus.IMPORTING:
            return Step.AWAIT_IMPORT
        case FileStatus.DELETING:
            return Step.REMOVE
        case _:
            return Step.NOTHING


def _is_to_become_active(record: FileRecord) -> bool:
    """Whether the raw file is looked at until it is ACTIVE, or was by an earlier version's task."""
    if record.raw_file is not None and record.raw_file.is_active:
        return False
    schedule = record.schedule
    has_task = schedule.task is not None and schedule.task.queue == POLLS
    return has_task or schedule.look_at is not None


class Turn(StrEnum):
    """Whether a delivery may work on the record; ``turn`` explains the values."""

    MINE = "mine"
    OVER = "over"
    STALE = "stale"
    BUSY = "busy"


def turn(record: FileRecord, seq: int, now: datetime) -> Turn:
    """Whether the delivery of task ``seq`` may work on the record.

    MINE: it may. STALE: a newer task is responsible. BUSY: another delivery has a live claim. OVER:
    there is nothing to do for a task. ``now`` is the database's read time.
    """
    schedule = record.schedule
    waits = schedule.slot is not None or schedule.look_at is not None
    if next_step(record) is Step.NOTHING or waits:
        return Turn.OVER
    if seq < schedule.seq:
        return Turn.STALE
    if record.claim is not None and now < record.claim.expires_at:
        return Turn.BUSY
    return Turn.MINE


def claimed(record: FileRecord, claim_id: str, now: datetime, policy: FilePolicy) -> FileRecord:
    """The record, claimed by one delivery until the claim expires."""
    expires_at = now + policy.claim_lifetime
    return replace(
        record,
        claim=Claim(claim_id, expires_at),
        schedule=replace(record.schedule, overdue_at=expires_at + policy.overdue_grace),
        updated_at=now,
    )


def task_name(record: FileRecord, seq: int) -> str:
    """The Cloud Tasks id of a task: a hash, so that ids spread evenly and never repeat."""
    return digest("task", record.batch_id or "", record.path, record.desired_key or "", seq)


def handed_on(
    record: FileRecord, queue: str, at: datetime, now: datetime, policy: FilePolicy
) -> FileRecord:
    """The record with a new task, due at ``at``, and without a claim.

    The caller creates the task after this record is written.
    """
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


def to_be_looked_at(
    record: FileRecord, at: datetime, now: datetime, policy: FilePolicy
) -> FileRecord:
    """The record, waiting for the poller to look at its raw file or import at ``at``.

    It has no task and no claim. The caller wakes the poller after this record is written.
    """
    schedule = Schedule(
        record.schedule.seq + 1,
        look_at=at,
        overdue_at=max(at, now) + policy.look_grace,
        deadline=record.schedule.deadline,
    )
    return replace(record, schedule=schedule, claim=None, updated_at=now)


def is_stuck(record: FileRecord, since: datetime, policy: FilePolicy) -> bool:
    """Whether the file's next step has failed so often that no batch should wait for it.

    The latest error must have come after ``since``, and after the file's deadline, if it has one:
    then the next step may end otherwise. A file is not stuck while its import is uncertain (a
    listing of the store will decide), or if its latest error is a 429.
    """
    tries, deadline = record.tries, record.schedule.deadline
    if record.claim or record.status is FileStatus.UNCERTAIN or tries.error_at is None:
        return False
    has_deadline = deadline is not None and tries.error_at < deadline
    throttled = record.failure is not None and record.failure.code == TOO_MANY_REQUESTS
    often = tries.errors_in_a_row >= policy.stuck_after and tries.error_at >= since
    return often and not has_deadline and not throttled


def taken_over(record: FileRecord, batch_id: str) -> FileRecord:
    """The record as part of a batch, for which its requests and aims are counted from now on."""
    if record.batch_id == batch_id:
        return record
    return replace(record, batch_id=batch_id, requests=Requests(), aims=0)


def waiting_until(record: FileRecord, deadline: datetime) -> FileRecord:
    """The record with a deadline, which its next tasks keep."""
    return replace(record, schedule=replace(record.schedule, deadline=deadline))


def awaiting_slot(record: FileRecord, slot: Slot, ready_at: datetime, now: datetime) -> FileRecord:
    """The record, waiting for the pump to give it a slot from ``ready_at`` on; it has no task."""
    schedule = Schedule(record.schedule.seq + 1, slot=slot, ready_at=ready_at)
    return replace(record, schedule=schedule, claim=None, updated_at=now)


def at_rest(record: FileRecord, now: datetime) -> FileRecord:
    """The record with nothing left to do: no task, no slot, no claim."""
    return replace(record, schedule=Schedule(record.schedule.seq), claim=None, updated_at=now)
