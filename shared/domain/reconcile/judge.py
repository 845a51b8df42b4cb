"""What to do about one path if the store and the records don't agree.

A document of ours that no record knows is an *orphan*, or a *duplicate* if its path has another
document. A record whose document is gone is a *ghost*. Nothing is deleted here: a document that is
not to stay is added to the record's ``stale_documents``, which are deleted once another document is
verified; or the record becomes a candidate for removal, which a batch's guard has to allow.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.file import (
    attempt,
    file_policy,
    keeping,
    known_documents,
    lifecycle,
    outcomes,
)
from shared.domain.file.record import Change, Current, Desired, FileRecord, FileStatus


class Discrepancy(StrEnum):
    """How a listing of the store differs from the records."""

    ORPHAN = "orphan"
    DUPLICATE = "duplicate"
    GHOST = "ghost"
    FOREIGN = "foreign"
    """A document that is not ours: it is reported and never touched."""
    UNDECIDED = "undecided"
    """The path is being processed, or a document is still being indexed: the next reconcile
    decides."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document of ours as the store lists it.

    Attributes:
        path: The object's full name.
        name: The document's resource name.
        key: Content key with which it was imported.
        content_hash: Hash of the content that it was made from.
        size: Bytes; 0 if the store doesn't tell.
        is_active: Whether it can be searched. If neither active nor failed, it is being indexed.
        is_failed: Whether its indexing failed.
        created_at: When the store created it; None if the store doesn't tell.
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
    """A discrepancy, and the corrected record (None: nothing is to be written)."""

    kind: Discrepancy
    record: FileRecord | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides about the discrepancies of one batch.

    Attributes:
        batch_id: The batch that reconciles.
        fence: The batch's fence, which is written to new records.
        now: The current time.
        policy: Times and limits for files whose processing begins here.
        scanned: Whether the batch's scan is complete. If so, a path without a record has no object.
            If not, documents are adopted, and the scan decides later.
        removes: Whether documents of vanished objects are removed (``mirror``).
    """

    batch_id: str
    fence: int
    now: datetime
    policy: file_policy.FilePolicy
    scanned: bool
    removes: bool

    def orphan(self, document: StoredDocument, record: FileRecord | None) -> Judgement:
        """Decide about a document whose path has no record, or one without documents.

        Adopts it, or makes it a candidate for removal.
        """
        if not (document.is_active or document.is_failed):
            return Judgement(Discrepancy.UNDECIDED)
        known = record or FileRecord(path=document.path, status=FileStatus.DELETED)
        # The scan has decided nothing about a record that is set aside.
        is_gone = self.scanned and self.removes and known.aside is None
        unwanted = document.is_failed or is_gone
        status = FileStatus.REMOVAL_CANDIDATE if unwanted else FileStatus.INDEXED
        adopted = replace(
            lifecycle.moved(known, status),
            path=document.path,
            aside=None,
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
        """Decide about documents that the path's record doesn't know; None if it knows them by now.

        Args:
            record: The path's record.
            documents: Documents of the path that the store listed and the record didn't know at
                that time, oldest first.
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
        active = [each for each in fresh if each.is_active]
        if not record.desired_key or record.status is FileStatus.REMOVAL_CANDIDATE:
            return Judgement(kind, self._unwanted(record, fresh, None if holds_another else active))
        there = {each.key for each in active} | ({record.current_key} if holds_another else set())
        if record.status is FileStatus.UPLOADED and record.desired_key not in there:
            # The record's own import will delete these.
            return Judgement(kind, _with_stale(record, fresh, self.now))
        best = _best(record, active) if active else None
        if best is None or (holds_another and not _is_better(record, best)):
            if not holds_another:  # no document can be searched: the next import deletes these
                return Judgement(kind, _with_stale(record, fresh, self.now))
            return Judgement(kind, self._mended(record, None, fresh))
        return Judgement(kind, self._mended(record, best, fresh))

    def ghost(self, record: FileRecord, *, leftover: bool) -> Judgement:
        """Decide about a record whose document is not in the store, or is FAILED (``leftover``).

        An indexed file is imported again.
        """
        left = filter(None, [record.current_document]) if leftover else ()
        lost = replace(
            record,
            current=None,
            stale_documents=(*record.stale_documents, *left),
            asks_first=False,
            updated_at=self.now,
        )
        if record.status is not FileStatus.INDEXED:
            return Judgement(Discrepancy.GHOST, lost)
        again = replace(lost, change=Change.NEW, decided_in=self.batch_id)
        again = outcomes.begun(lifecycle.taken_over(again, self.batch_id), self.now)
        return Judgement(Discrepancy.GHOST, again)

    def _unwanted(
        self,
        record: FileRecord,
        fresh: Sequence[StoredDocument],
        adoptable: Sequence[StoredDocument] | None,
    ) -> FileRecord:
        """The bucket wants no document for this path: the record becomes a candidate for removal.

        If it may not become one, the documents are only noted as stale. A skipped file that keeps
        its documents adopts the newest of ``adoptable`` if it has none.
        """
        more = _with_stale(record, fresh, self.now)
        if adoptable:
            held = known_documents.holding(more, _as_current(adoptable[-1]))
            more = held if keeping.keeps_documents(held) else more
        if keeping.keeps_documents(more):
            asks = keeping.is_to_be_asked(more)
            return replace(more, asks_first=asks and more.status is FileStatus.SKIPPED)
        moves = FileStatus.REMOVAL_CANDIDATE in lifecycle.LEGAL_MOVES[record.status]
        if not (moves and self.removes):
            return more
        return lifecycle.moved(replace(more, rescan=True), FileStatus.REMOVAL_CANDIDATE)

    def _mended(
        self, record: FileRecord, best: StoredDocument | None, fresh: Sequence[StoredDocument]
    ) -> FileRecord:
        """Keep one document: ``best``, or else the current one; verify it, then delete the rest."""
        if record.status is FileStatus.FAILED and (best is None or best.key != record.desired_key):
            # A failed file starts again only if its content changes or a sync retries it.
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
            # Before the scan, nothing is known about what the bucket wants.
            desired=desired if self.scanned else replace(desired, key=staying.key),
        )
        return attempt.document_doubted(
            kept,
            staying,
            self.now,
            self.policy,
        )


def is_under_way(record: FileRecord) -> bool:
    """Whether processing or a removal may be about to change the record's documents.

    An uploaded file that waits for a slot for its import is not under way: nothing has been sent to
    the store.
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
    schedule = record.schedule
    is_at_work = bool(record.claim or schedule.task or schedule.look_at)
    return record.status not in resting or is_at_work


def _as_current(document: StoredDocument) -> Current:
    return Current(document.key, document.name, document.content_hash, document.size)


def _with_stale(
    record: FileRecord, documents: Sequence[StoredDocument], now: datetime
) -> FileRecord:
    stale = dict.fromkeys((*record.stale_documents, *(each.name for each in documents)))
    return replace(record, stale_documents=tuple(stale), updated_at=now)


def _best(record: FileRecord, active: Sequence[StoredDocument]) -> StoredDocument:
    """The newest document with the desired key, or the newest if none has it."""
    wanted = [each for each in active if each.key == record.desired_key]
    return (wanted or active)[-1]


def _is_better(record: FileRecord, document: StoredDocument) -> bool:
    """Whether it should stay instead of the record's current document, which the store holds too.

    A record that was rebuilt from the store (without a generation) doesn't know what the bucket
    wants, so the newest document stays.
    """
    if record.desired is None or record.desired.generation is None:
        return True
    return document.key == record.desired_key != record.current_key
