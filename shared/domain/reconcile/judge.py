"""What to do where the store and the records don't agree, as functions of one path's documents.

A document of ours that no record knows is an *orphan*, or a *duplicate* where its path has
another one; a record whose document is gone is a *ghost*. Nothing here deletes: a document that is
not to stay becomes one of the record's ``stale_documents``, which go once another one is verified,
or a candidate for removal, which only a batch's guard lets go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.file import file_policy, known_documents, lifecycle, outcomes, transfer
from shared.domain.file.record import Change, Current, Desired, FileRecord, FileStatus


class Discrepancy(StrEnum):
    """What a listing of the store shows that the records don't say, or the other way round."""

    ORPHAN = "orphan"
    DUPLICATE = "duplicate"
    GHOST = "ghost"
    FOREIGN = "foreign"
    """Not ours: reported and never touched."""
    UNDECIDED = "undecided"
    """Something of this path is under way, or not indexed yet: the next reconcile looks again."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document of ours as the store lists it.

    Attributes:
        path: The object's full name.
        name: The document's resource name.
        key: Content key it was imported under.
        content_hash: Hash of the content it was made from.
        size: Bytes; 0 where the store doesn't tell.
        is_active: It is searchable. Neither this nor ``is_failed``: still being indexed.
        is_failed: Its indexing failed.
        created_at: By the store.
    """

    path: str
    name: str
    key: str
    content_hash: str
    size: int
    is_active: bool
    is_failed: bool
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A discrepancy, and the record that mends it (None: nothing can or needs to be written)."""

    kind: Discrepancy
    record: FileRecord | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges paths for one batch.

    Attributes:
        batch_id: The batch that reconciles.
        fence: Its fence; records made here carry it.
        now: Time of judgement.
        policy: Of journeys that begin here.
        scanned: Whether the batch's scan is complete, so that a path without a record is a path
            without an object. Before the scan, documents are adopted and the scan decides.
        removes: Whether documents of vanished objects are to go (``mirror``).
    """

    batch_id: str
    fence: int
    now: datetime
    policy: file_policy.FilePolicy
    scanned: bool
    removes: bool

    def orphan(self, document: StoredDocument, record: FileRecord | None) -> Judgement:
        """A document whose path has no record, or one that says that there is nothing."""
        if not (document.is_active or document.is_failed):
            return Judgement(Discrepancy.UNDECIDED)
        known = record or FileRecord(path=document.path, status=FileStatus.DELETED)
        unwanted = document.is_failed or (self.scanned and self.removes)
        status = FileStatus.REMOVAL_CANDIDATE if unwanted else FileStatus.INDEXED
        adopted = replace(
            lifecycle.moved(known, status),
            fence=self.fence,
            change=Change.REMOVED if unwanted else Change.UNCHANGED,
            decided_in=self.batch_id,
            rescan=True,
            stale_documents=() if document.is_active else (document.name,),
            updated_at=self.now,
        )
        if document.is_active:
            adopted = known_documents.holding(adopted, _as_current(document))
            if not unwanted:
                adopted = replace(adopted, desired=Desired(document.key), indexed_at=self.now)
        return Judgement(Discrepancy.ORPHAN, adopted)

    def unknown(
        self, record: FileRecord, documents: Sequence[StoredDocument], live: Collection[str]
    ) -> Judgement | None:
        """Documents that the path's record doesn't know; None where it knows them by now.

        Args:
            record: The path's record.
            documents: What the store listed of the path, oldest first, without what the record
                knew then.
            live: Names of all documents that the store listed.
        """
        known = known_documents.documents_to_remove(record)
        fresh = [each for each in documents if each.name not in known]
        if not fresh:
            return None
        if is_under_way(record) or not all(each.is_active or each.is_failed for each in fresh):
            return Judgement(Discrepancy.UNDECIDED)
        holds_another = record.current_document in live
        kind = Discrepancy.DUPLICATE if holds_another else Discrepancy.ORPHAN
        if not record.desired_key or record.status is FileStatus.REMOVAL_CANDIDATE:
            return Judgement(kind, self._unwanted(record, fresh))
        active = [each for each in fresh if each.is_active]
        there = {each.key for each in active} | ({record.current_key} if holds_another else set())
        if record.status is FileStatus.UPLOADED and record.desired_key not in there:
            return Judgement(kind, _with_stale(record, fresh, self.now))  # they go with its import
        best = _best(record, active) if active else None
        if best is None or (holds_another and not _is_better(record, best)):
            if not holds_another:  # nothing to search: what failed goes with the next import
                return Judgement(kind, _with_stale(record, fresh, self.now))
            return Judgement(kind, self._mended(record, None, fresh))
        return Judgement(kind, self._mended(record, best, fresh))

    def ghost(self, record: FileRecord, *, leftover: bool) -> Judgement:
        """A record whose document is not in the store, or (``leftover``) is there as FAILED."""
        left = filter(None, [record.current_document]) if leftover else ()
        lost = replace(
            record,
            current=None,
            stale_documents=(*record.stale_documents, *left),
            updated_at=self.now,
        )
        if record.status is not FileStatus.INDEXED:
            return Judgement(Discrepancy.GHOST, lost)
        again = replace(lost, change=Change.NEW, decided_in=self.batch_id)
        again = outcomes.begun(lifecycle.taken_over(again, self.batch_id), self.now)
        return Judgement(Discrepancy.GHOST, again)

    def _unwanted(self, record: FileRecord, fresh: Sequence[StoredDocument]) -> FileRecord:
        """The bucket wants nothing of this path: its documents are candidates."""
        more = _with_stale(record, fresh, self.now)
        moves = FileStatus.REMOVAL_CANDIDATE in lifecycle.LEGAL_MOVES[record.status]
        if not (moves and self.removes):
            return more
        return lifecycle.moved(replace(more, rescan=True), FileStatus.REMOVAL_CANDIDATE)

    def _mended(
        self, record: FileRecord, best: StoredDocument | None, fresh: Sequence[StoredDocument]
    ) -> FileRecord:
        """One document stays (``best``, or else the current one), verified before the rest goes."""
        if record.status is FileStatus.FAILED and (best is None or best.key != record.desired_key):
            # What it waits for is other content, or somebody's leave: its journey stays ended.
            rest = [each for each in fresh if each is not best]
            more = _with_stale(record, rest, self.now)
            if best is None:
                return more
            stale = (*more.stale_documents, *filter(None, [record.current_document]))
            held = known_documents.holding(more, _as_current(best))
            return replace(held, stale_documents=stale)
        more = _with_stale(record, fresh, self.now)
        staying = _as_current(best) if best else record.current
        if staying is None:
            return more
        stale = tuple(name for name in more.stale_documents if name != staying.document)
        desired = record.desired or Desired()
        kept = replace(
            lifecycle.taken_over(more, self.batch_id),
            stale_documents=stale,
            rescan=True,
            # Before the scan it is open what is wanted.
            desired=desired if self.scanned else replace(desired, key=staying.key),
        )
        return transfer.document_doubted(
            kept,
            staying,
            self.now,
            self.policy,
        )


def is_under_way(record: FileRecord) -> bool:
    """Whether a journey or a removal is about to change what the record holds.

    An upload that waits for its import's turn is at rest: nothing of it is on its way to the store.
    """
    resting = (
        FileStatus.PENDING,
        FileStatus.UPLOADED,
        FileStatus.INDEXED,
        FileStatus.FAILED,
        FileStatus.SKIPPED,
        FileStatus.DELETED,
        FileStatus.REMOVAL_CANDIDATE,
    )
    is_at_work = record.claim is not None or record.schedule.task is not None
    return record.status not in resting or is_at_work


def _as_current(document: StoredDocument) -> Current:
    return Current(document.key, document.name, document.content_hash, document.size)


def _with_stale(
    record: FileRecord, documents: Sequence[StoredDocument], now: datetime
) -> FileRecord:
    stale = dict.fromkeys((*record.stale_documents, *(each.name for each in documents)))
    return replace(record, stale_documents=tuple(stale), updated_at=now)


def _best(record: FileRecord, active: Sequence[StoredDocument]) -> StoredDocument:
    """The newest of what is wanted, else the newest."""
    wanted = [each for each in active if each.key == record.desired_key]
    return (wanted or active)[-1]


def _is_better(record: FileRecord, document: StoredDocument) -> bool:
    """Whether it should stay instead of the record's own, which the store holds too.

    A record made from the store alone (no generation was seen yet) doesn't know what is wanted:
    the newest stays.
    """
    if record.desired is None or record.desired.generation is None:
        return True
    return document.key == record.desired_key != record.current_key
