"""Compares the bucket's objects with the records, path by path, and decides what to write.

Both streams are sorted by name. Python compares strings by code point, which is the order of their
UTF-8 bytes, and so the order in which Cloud Storage lists and Firestore sorts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.file import (
    attempt,
    file_policy,
    keeping,
    known_documents,
    lifecycle,
    outcomes,
)
from shared.domain.file.record import (
    Change,
    Current,
    Desired,
    FileRecord,
    FileStatus,
    Verdict,
    Working,
)
from shared.domain.ids import content_key
from shared.domain.source.content_encoding import packing_of
from shared.domain.source.content_hash import NO_HASHES, Hashes, hashes_of
from shared.domain.source.eligibility import SkipReason
from shared.domain.source.tokens import tokens_of

_LAST_CODE_POINT = "\U0010ffff"
_AFTER_SURROGATES = 0xE000
_SURROGATES = range(0xD800, _AFTER_SURROGATES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the bucket wants for a path; with a ``skip_reason``, the object is not to be indexed.

    Attributes:
        verdict: What a read of the content decided; None if its name and size decide.
        rule: The rule that leaves the object out; with it, the object is counted and needs no
            record.
        is_young: Whether the object, or its sidecar, changed too recently to be imported yet.
        import_settings: Digest of the settings that the key depends on.
        picture_tokens: Tokens of text that cost as much as a picture.
        changed_at: When the object or its sidecar last changed; None if that isn't known.

    The other fields are those of ``record.Desired``.
    """

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
    verdict: Verdict | None = None
    rule: str | None = None
    is_young: bool = False
    hashes: Hashes = NO_HASHES
    content_encoding: str = ""
    import_settings: str = ""
    picture_tokens: int = 0
    changed_at: datetime | None = None


def paired_by_path(
    wanted: Iterable[Wanted], records: Iterable[FileRecord]
) -> Iterator[tuple[Wanted | None, FileRecord | None]]:
    """Pair two sorted streams by path, with None for the stream that lacks the path."""
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
    """The change that a scan found for one path, and the record to write (None: write nothing)."""

    change: Change
    record: FileRecord | None
    is_left_out: bool = False
    """Whether a rule leaves the object out, and nothing is to be written for it."""


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
    """Decide about one path; None if there is nothing to count or write for it.

    Args:
        want: What the bucket wants, or None if it has no such object.
        record: The path's record, or None if it has none.
        batch_id: The batch that scans.
        fence: The batch's fence, which is written to the record.
        removes: Whether documents of vanished objects are removed (``mirror``).
        now: The time of the scan.
    """
    if is_passed_over(record, fence):
        return None
    if record is not None and record.aside is not None:
        return Comparison(Change.SET_ASIDE, None) if want is not None else None
    if want is None:
        return _vanished(record, batch_id, fence, removes=removes, now=now) if record else None
    if want.rule and (record is None or record.status is FileStatus.DELETED):
        return Comparison(Change.SKIPPED, None, is_left_out=True)
    if want.is_young and not want.skip_reason:
        return Comparison(Change.YOUNG, None)
    if record is None or record.status is FileStatus.DELETED:
        fresh = record or FileRecord(path=want.path, status=FileStatus.DELETED)
        return _appeared(want, fresh, batch_id, fence, now)
    return _both(as_known(want, record), record, batch_id, fence, now)


def is_passed_over(record: FileRecord | None, fence: int) -> bool:
    """Whether a scan under this fence leaves the record to a later one, which has decided already.

    So its page may not be remembered as unchanged.
    """
    return record is not None and record.fence > fence


def _both(want: Wanted, record: FileRecord, batch_id: str, fence: int, now: datetime) -> Comparison:
    """Decide about a path that has an object and a record."""
    if want.skip_reason:
        return _skipped(want, record, batch_id, fence, now)
    change = _change(want, record)
    target = _with_desired(record, want, fence)
    if change is Change.UNCHANGED:
        return _unchanged(target, record, batch_id, now)
    target = replace(lifecycle.taken_over(target, batch_id), change=change, decided_in=batch_id)
    if record.status in (*RESTING, FileStatus.REMOVAL_CANDIDATE):
        target = outcomes.begun(target, now)
    return Comparison(change, target)


def _appeared(
    want: Wanted, record: FileRecord, batch_id: str, fence: int, now: datetime
) -> Comparison:
    target = replace(_with_desired(record, want, fence), change=Change.NEW, decided_in=batch_id)
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
        return Comparison(Change.REMOVED, target)  # being processed, whose end leads to removal
    if known_documents.documents_to_remove(record):
        return Comparison(Change.REMOVED, _candidate(target, now))
    return Comparison(Change.REMOVED, outcomes.removed(target, now))  # it has no documents


def _skipped(
    want: Wanted, record: FileRecord, batch_id: str, fence: int, now: datetime
) -> Comparison:
    target = _with_desired(record, want, fence)
    documents = known_documents.documents_to_remove(record)
    stays = keeping.keeps_documents(target) or not documents
    told = record.asks_first == keeping.is_to_be_asked(target)
    if record.status is FileStatus.SKIPPED and stays and told:
        if want.rule and not documents:  # a version before this one wrote the record
            if record.skip_reason == want.skip_reason and not record.rescan:
                return Comparison(Change.SKIPPED, None, is_left_out=True)
            return Comparison(Change.SKIPPED, outcomes.removed(replace(target, desired=None), now))
        return Comparison(Change.SKIPPED, None if _same_but_fence(target, record) else target)
    target = replace(target, change=Change.SKIPPED, decided_in=batch_id)
    idle = (*RESTING, FileStatus.PENDING, FileStatus.REMOVAL_CANDIDATE)
    if record.status not in idle or record.claim:
        return Comparison(Change.SKIPPED, target)  # being processed, whose end lets it go
    return Comparison(Change.SKIPPED, outcomes.let_go(target, now))


def _unchanged(target: FileRecord, record: FileRecord, batch_id: str, now: datetime) -> Comparison:
    if _is_back(target.desired_key, record):
        return Comparison(Change.UNCHANGED, outcomes.kept(target, now))
    # If the page is scanned again, the record already has the change found the first time.
    change = record.change if record.decided_in == batch_id else Change.UNCHANGED
    return Comparison(change, None if _same_but_fence(target, record) else target)


def _change(want: Wanted, record: FileRecord) -> Change:
    """Compare with the store's document if there is one, else with what was desired last."""
    if _is_back(want.key, record):
        return Change.UNCHANGED
    pursues_desired = record.status not in (FileStatus.SKIPPED, FileStatus.REMOVAL_CANDIDATE)
    if pursues_desired and record.desired_key == want.key:
        return Change.UNCHANGED
    current = record.current
    if current is None:
        return Change.NEW if record.status is FileStatus.SKIPPED else Change.CHANGED
    if (current.content_hash, current.size) == (want.content_hash, want.size):
        return Change.METADATA_CHANGED
    return Change.CHANGED


def as_known(want: Wanted, record: FileRecord) -> Wanted:
    """The row with the hash by which the record knows the same content, and so with the same key.

    An object that is written again with the same bytes may have other kinds of hash, as a composite
    object has no MD5.
    """
    desired = record.desired
    contents = (record.current, record.working, desired)
    for known in (each for each in contents if each is not None):
        is_desired = desired is not None and known.content_hash == desired.content_hash
        told = desired if is_desired and desired else known  # what the latest scan was told
        if _is_same_content(want, told):
            hashes = want.hashes.with_known(hashes_of(told.content_hash, told.hashes))
            same = replace(want, content_hash=known.content_hash, hashes=hashes)
            is_known = same.content_hash == want.content_hash
            return same if is_known else replace(same, key=_key_of(same))
    return want


def _is_same_content(want: Wanted, known: Desired | Working | Current) -> bool:
    if isinstance(known, Desired) and known.generation == want.generation:
        return True  # a version's bytes never change, whichever hashes the bucket tells
    hashes = hashes_of(known.content_hash, known.hashes)
    return known.size == want.size and want.hashes.agree(hashes)


def _key_of(want: Wanted) -> str:
    return content_key(
        path=want.path,
        size=want.size,
        content_hash=want.content_hash,
        metadata_digest=want.metadata_digest,
        import_settings=want.import_settings,
    )


def _is_back(key: str | None, record: FileRecord) -> bool:
    """Whether the indexed document is wanted again, and nothing is under way for another."""
    waiting = record.status in (FileStatus.PENDING, FileStatus.UPLOADING) and not record.claim
    resting = (FileStatus.REMOVAL_CANDIDATE, FileStatus.FAILED, FileStatus.SKIPPED)
    idle = waiting or record.status in resting
    return idle and key == record.current_key and known_documents.holds_one(record)


def is_in_doubt(want: Wanted, record: FileRecord) -> bool:
    """Whether the listing shows a smaller version than the record, so the object is looked at.

    Generations are unique, but not promised to grow: the listing may lag behind what a worker has
    read, or the object's new version may have a smaller number. Only the object itself can tell.
    """
    desired = record.desired
    if desired is None or not (desired.key or desired.skip_reason):
        return False
    known = (desired.generation or 0, desired.metageneration or 0)
    return (want.generation, want.metageneration) < known


def _with_desired(record: FileRecord, want: Wanted, fence: int) -> FileRecord:
    is_skipped = want.skip_reason is not None
    desired = Desired(
        key=None if is_skipped else want.key,
        skip_reason=want.skip_reason,
        generation=want.generation,
        metageneration=want.metageneration,
        size=want.size,
        tokens=0 if is_skipped else _tokens(want),
        content_hash=want.content_hash,
        metadata_digest=want.metadata_digest,
        media_type=want.media_type,
        sidecar_generation=want.sidecar_generation,
        hashes=want.hashes,
        content_encoding=want.content_encoding,
    )
    return replace(record, desired=desired, verdict=want.verdict, rescan=False, fence=fence)


def _tokens(want: Wanted) -> int:
    packing = packing_of(want.content_encoding)
    return tokens_of(want.media_type or "", want.size, packing, picture=want.picture_tokens)


def _same_but_fence(target: FileRecord, record: FileRecord) -> bool:
    target = replace(target, fence=record.fence)
    if target.desired and record.desired:  # another kind of hash is no reason to write
        known = replace(target.desired, hashes=record.desired.hashes)
        target = replace(target, desired=known)
    return target == record


def _candidate(record: FileRecord, now: datetime) -> FileRecord:
    schedule = replace(record.schedule, slot=None, ready_at=None)
    at_rest = replace(record, schedule=schedule, updated_at=now)
    return lifecycle.moved(at_rest, FileStatus.REMOVAL_CANDIDATE)


def wants_the_same(record: FileRecord, other: FileRecord) -> bool:
    """Whether both records have the same ``desired``, so that no scan changed it in between."""
    return _desired_version(record) == _desired_version(other)


def _desired_version(record: FileRecord) -> tuple[object, ...] | None:
    desired = record.desired
    if desired is None:
        return None
    return desired.key, desired.generation, desired.metageneration, desired.skip_reason


def replanned(
    record: FileRecord, wanted: Wanted | None, now: datetime, policy: file_policy.FilePolicy
) -> FileRecord:
    """A file being processed turned out to be another object than planned: process that one.

    An object that is too young, or has changed too often in this batch, is left to the next sync.
    Nothing is removed here: if the object has vanished, its record becomes at most a candidate for
    removal, which a batch has to release.
    """
    if wanted is None or wanted.skip_reason:
        gone = replace(record, desired=None)
        return outcomes.given_up(_as_read(record, wanted) if wanted else gone, now)
    wanted = as_known(wanted, record)
    if wanted.is_young or record.aims >= policy.max_aims:
        return outcomes.left(record, now, policy)
    record = replace(record, aims=record.aims + 1)
    target = _as_read(record, wanted)
    if target.desired_key == record.working_key and record.status is FileStatus.UPLOADED:
        return attempt.postponed(target, now, now)
    return attempt.restarted(target, now, policy)


def _as_read(record: FileRecord, wanted: Wanted) -> FileRecord:
    """The record with ``desired`` as a worker read it, to be compared again by the next scan."""
    return replace(_with_desired(record, wanted, record.fence), rescan=True)


def is_kept(record: FileRecord, wanted: Wanted) -> bool:
    """Whether the check before a removal found an object whose document must stay.

    A skip for the very reason for which the removal was allowed is no such object.
    """
    if wanted.skip_reason is None or wanted.skip_reason == SkipReason.UNREADABLE:
        return True
    known = wanted.skip_reason == record.skip_reason
    return not known and keeping.keeps_documents(_as_read(record, wanted))


def came_back(record: FileRecord, wanted: Wanted, batch_id: str, now: datetime) -> FileRecord:
    """The check before a removal found the object: keep its document, or process its content."""
    wanted = as_known(wanted, record)
    target = _as_read(record, wanted)
    if wanted.skip_reason:
        return outcomes.let_go(target, now)
    if wanted.key == record.current_key and known_documents.holds_one(record):
        return outcomes.kept(target, now)
    return outcomes.begun(lifecycle.taken_over(target, batch_id), now)


def is_served(record: FileRecord, wanted: Wanted, document: Current) -> bool:
    """Whether ``came_back`` would keep the document, if the record held it."""
    if wanted.skip_reason:
        return True
    return as_known(wanted, known_documents.holding(record, document)).key == document.key


def end_of(prefix: str) -> str:
    """The first name after all names that start with ``prefix``; empty if there is no such name.

    It has the next code point at the end. Surrogates are passed over, since no name has any. What
    has no next code point is left out, and the code point before it gets its next one.
    """
    before = prefix.rstrip(_LAST_CODE_POINT)
    if not before:
        return ""
    last = ord(before[-1]) + 1
    return before[:-1] + chr(_AFTER_SURROGATES if last in _SURROGATES else last)
