"""What to do about a range of names: the bucket's objects and the records, marched side by side.

Both come sorted by name. Python compares strings by code point, which is the order of their UTF-8
bytes, in which Cloud Storage lists and Firestore sorts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.file import file_policy, known_documents, lifecycle, outcomes, transfer
from shared.domain.file.record import Change, Desired, FileRecord, FileStatus
from shared.domain.source.tokens import tokens_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the bucket wants of one name; with a ``skip_reason``, not to index what is there."""

    path: str
    generation: int
    metageneration: int
    size: int
    content_hash: str
    metadata_digest: str
    key: str
    media_type: str | None = None
    sidecar_generation: int | None = None
    skip_reason: str | None = None


def paired_by_path(
    wanted: Iterable[Wanted], records: Iterable[FileRecord]
) -> Iterator[tuple[Wanted | None, FileRecord | None]]:
    """Pair two sorted streams by path; None stands for the side that lacks the path."""
    left, right = iter(wanted), iter(records)
    want, record = next(left, None), next(right, None)
    while want is not None or record is not None:
        if record is None or (want is not None and want.path < record.path):
            yield want, None
            want = next(left, None)
        elif want is None or record.path < want.path:
            yield None, record
            record = next(right, None)
        else:
            yield want, record
            want, record = next(left, None), next(right, None)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a scan says of one path, and the record to write (None: nothing to write)."""

    change: Change
    record: FileRecord | None


RESTING = (FileStatus.INDEXED, FileStatus.FAILED, FileStatus.SKIPPED, FileStatus.DELETED)


def compare(
    want: Wanted | None,
    record: FileRecord | None,
    *,
    batch_id: str,
    fence: int,
    removes: bool,
    now: datetime,
) -> Comparison | None:
    """Decide about one path; None where there is nothing to say of it.

    Args:
        want: The object, or None where the bucket has none.
        record: Its record, or None where it was never seen.
        batch_id: The batch that scans.
        fence: Its fence; what it writes carries it.
        removes: Whether documents of vanished objects are to go (``mirror``).
        now: The time of the scan.
    """
    if record is not None and record.fence > fence:
        return None  # a scan under a later fence has looked since
    if want is None:
        return _vanished(record, batch_id, fence, removes=removes, now=now) if record else None
    if record is None:
        fresh = FileRecord(path=want.path, status=FileStatus.DELETED)
        return _appeared(want, fresh, batch_id, fence, now)
    if record.status is FileStatus.DELETED:
        return _appeared(want, record, batch_id, fence, now)
    if _is_older(want, record):
        return Comparison(Change.UNCHANGED, None)
    if want.skip_reason:
        return _skipped(want, record, batch_id, fence, now)
    change = _change(want, record)
    target = _aimed(record, want, fence)
    if change is Change.UNCHANGED:
        return _unchanged(target, record, batch_id, now)
    target = replace(lifecycle.taken_over(target, batch_id), change=change, decided_in=batch_id)
    if record.status in (*RESTING, FileStatus.REMOVAL_CANDIDATE):
        target = outcomes.begun(target, now)
    return Comparison(change, target)


def _appeared(
    want: Wanted, record: FileRecord, batch_id: str, fence: int, now: datetime
) -> Comparison:
    target = replace(_aimed(record, want, fence), change=Change.NEW, decided_in=batch_id)
    if want.skip_reason:
        skipped = lifecycle.moved(target, FileStatus.SKIPPED, updated_at=now)
        return Comparison(Change.SKIPPED, skipped)
    return Comparison(Change.NEW, outcomes.begun(lifecycle.taken_over(target, batch_id), now))


def _vanished(
    record: FileRecord, batch_id: str, fence: int, *, removes: bool, now: datetime
) -> Comparison | None:
    if record.status is FileStatus.DELETED:
        return None
    if not removes and known_documents.documents_to_remove(record):
        return None
    target = replace(
        record,
        desired=None,
        rescan=False,
        fence=fence,
        change=Change.REMOVED,
        decided_in=batch_id,
        updated_at=now,
    )
    if record.status in (FileStatus.DELETING, FileStatus.REMOVAL_CANDIDATE):
        return Comparison(Change.REMOVED, None if target == record else target)
    if record.status not in (*RESTING, FileStatus.PENDING) or record.claim:
        return Comparison(Change.REMOVED, target)  # under way: its journey ends in removal
    if known_documents.documents_to_remove(record):
        return Comparison(Change.REMOVED, _candidate(target, now))
    return Comparison(Change.REMOVED, outcomes.removed(target, now))  # never was in the store


def _skipped(
    want: Wanted, record: FileRecord, batch_id: str, fence: int, now: datetime
) -> Comparison:
    target = _aimed(record, want, fence)
    if record.status is FileStatus.SKIPPED:
        return Comparison(Change.SKIPPED, None if _same_aim(target, record) else target)
    target = replace(target, change=Change.SKIPPED, decided_in=batch_id)
    if record.status not in (*RESTING, FileStatus.PENDING) or record.claim:
        return Comparison(Change.SKIPPED, target)
    if known_documents.documents_to_remove(record):
        return Comparison(Change.SKIPPED, _candidate(target, now))
    return Comparison(Change.SKIPPED, outcomes.removed(target, now))


def _unchanged(target: FileRecord, record: FileRecord, batch_id: str, now: datetime) -> Comparison:
    if _is_back(target.desired_key, record):
        return Comparison(Change.UNCHANGED, outcomes.kept(target, now))
    # A repeated page finds what it wrote the first time.
    change = record.change if record.decided_in == batch_id else Change.UNCHANGED
    return Comparison(change, None if _same_aim(target, record) else target)


def _change(want: Wanted, record: FileRecord) -> Change:
    """Against the store's document where there is one, else against what was last wanted."""
    if _is_back(want.key, record):
        return Change.UNCHANGED
    aims = record.status not in (FileStatus.SKIPPED, FileStatus.REMOVAL_CANDIDATE)
    if aims and record.desired_key == want.key:
        return Change.UNCHANGED
    current = record.current
    if current is None:
        return Change.NEW if record.status is FileStatus.SKIPPED else Change.CHANGED
    if (current.content_hash, current.size) == (want.content_hash, want.size):
        return Change.METADATA_CHANGED
    return Change.CHANGED


def _is_back(key: str | None, record: FileRecord) -> bool:
    """Something else was to become of it, nothing is under way, and it is as it was indexed."""
    waiting = record.status in (FileStatus.PENDING, FileStatus.UPLOADING) and not record.claim
    idle = waiting or record.status in (FileStatus.REMOVAL_CANDIDATE, FileStatus.FAILED)
    return idle and key == record.current_key and not record.stale_documents


def _is_older(want: Wanted, record: FileRecord) -> bool:
    """A listing may lag: never go back to an earlier generation of the same object."""
    desired = record.desired
    if desired is None or not (desired.key or desired.skip_reason):
        return False
    known = (desired.generation or 0, desired.metageneration or 0)
    return (want.generation, want.metageneration) < known


def _aimed(record: FileRecord, want: Wanted, fence: int) -> FileRecord:
    is_skipped = want.skip_reason is not None
    desired = Desired(
        key=None if is_skipped else want.key,
        skip_reason=want.skip_reason,
        generation=want.generation,
        metageneration=want.metageneration,
        size=want.size,
        tokens=0 if is_skipped else tokens_of(want.media_type or "", want.size),
        content_hash=want.content_hash,
        metadata_digest=want.metadata_digest,
        media_type=want.media_type,
        sidecar_generation=want.sidecar_generation,
    )
    return replace(record, desired=desired, rescan=False, fence=fence)


def _same_aim(target: FileRecord, record: FileRecord) -> bool:
    return replace(target, fence=record.fence) == record


def _candidate(record: FileRecord, now: datetime) -> FileRecord:
    schedule = replace(record.schedule, slot=None, ready_at=None)
    at_rest = replace(record, schedule=schedule, updated_at=now)
    return lifecycle.moved(at_rest, FileStatus.REMOVAL_CANDIDATE)


def is_aimed_alike(record: FileRecord, other: FileRecord) -> bool:
    """Whether no scan aimed at the file between the two."""
    return _aimed_at(record) == _aimed_at(other)


def _aimed_at(record: FileRecord) -> tuple[object, ...] | None:
    desired = record.desired
    if desired is None:
        return None
    return desired.key, desired.generation, desired.metageneration, desired.skip_reason


def re_aimed(
    record: FileRecord, wanted: Wanted | None, now: datetime, policy: file_policy.FilePolicy
) -> FileRecord:
    """A journey under way meets an object that is not what was planned: plan for what is there.

    Nothing is removed here: a vanished object makes a candidate at most, for a batch to release.
    """
    if wanted is None or wanted.skip_reason:
        gone = replace(record, desired=None)
        return outcomes.given_up(_looked_at(record, wanted) if wanted else gone, now)
    target = _looked_at(record, wanted)
    if target.desired_key == record.working_key and record.status is FileStatus.UPLOADED:
        return transfer.postponed(target, now, now)
    return transfer.restarted(target, now, policy)


def _looked_at(record: FileRecord, wanted: Wanted) -> FileRecord:
    """Aimed at what a journey saw; the next scan looks at it whatever the listing says."""
    return replace(_aimed(record, wanted, record.fence), rescan=True)


def came_back(record: FileRecord, wanted: Wanted, batch_id: str, now: datetime) -> FileRecord:
    """The last look before a removal found the object: as it was indexed, or with other content."""
    target = _looked_at(record, wanted)
    if wanted.key == record.current_key and not record.stale_documents:
        return outcomes.kept(target, now)
    return outcomes.begun(lifecycle.taken_over(target, batch_id), now)


def end_of(prefix: str) -> str:
    """The first name after all that start with ``prefix``; empty where there is no such name."""
    if not prefix:
        return ""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
