"""Reconciles: lists the store, and makes the records agree with it.

A page has 20 documents, so a large store takes many calls of the supervisor; each continues where
the last one stopped. Until the listing is complete, nothing is decided about documents that it has
not shown.

A document whose path has no record is adopted while listing: losing the database must not mean
paying for every embedding again. All other decisions wait for the complete listing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from shared.domain.batch import guards
from shared.domain.batch.batch import Batch, DeletePolicy
from shared.domain.errors import BadRequest, Forbidden, GatewayError, NotFound
from shared.domain.file import known_documents
from shared.domain.file.record import FileRecord, FileStatus
from shared.domain.reconcile.judge import (
    Discrepancy,
    Judge,
    Judgement,
    StoredDocument,
    is_under_way,
)
from shared.domain.reconcile.state import Finding, ListedDocuments, ReconcileState, Stage, again
from shared.domain.scan.comparison import end_of
from shared.gateways.database import queries
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import Stored, listing_path, reconcile_path
from shared.gateways.ports import Document, DocumentPage, Put, RemoteState
from shared.services.context import Context, Deadline
from shared.services.reconcile.other_deployment import OtherDeployment, is_confirmed
from shared.services.reconcile.our_documents import OurDocuments
from shared.services.reconcile.reconciled_files import ReconciledFiles

PAGES_AT_ONCE = 50
"""Pages of 20 documents that one write saves; a crash repeats no more than these."""

RECORDS_AT_ONCE = 500

JUDGE_ATTEMPTS = 5
"""Attempts to repair a record that keeps changing; then the next reconcile decides."""

MOST_FINDINGS = 100
"""Findings of one kind that are listed; the others are only counted."""


class _ListingLost(Exception):
    """A part of the saved listing is missing or damaged: the store has to be listed again."""


class Reconcile:
    """The reconcile of one batch."""

    def __init__(self, context: Context, batch: Batch) -> None:
        self._context = context
        self._batch = batch
        self._files = ReconciledFiles(context, batch)
        self._ours = OurDocuments(context)
        self._other_deployment = OtherDeployment(context)
        self._path = reconcile_path(batch.batch_id)
        self._state = self._saved = ReconcileState()
        self._parts: list[ListedDocuments] | None = None
        self._names: frozenset[str] | None = None
        self._judge = Judge(
            batch_id=batch.batch_id,
            fence=batch.fence,
            now=context.clock.now(),
            policy=context.rules.file,
            scanned=batch.is_scanned,
            removes=batch.delete_policy is DeletePolicy.MIRROR,
        )

    def __call__(self, deadline: Deadline) -> ReconcileState:
        """Continue until the deadline; the reconcile is over when the state's stage is DONE.

        Raises:
            Refused: more documents are gone than may be imported again unasked.
            GatewayError: the store can't be read, or Firestore failed; the progress is kept.
        """
        self._state = (
            self._context.records.get(ReconcileState, self._path).record or self._new_state()
        )
        self._saved = self._state
        try:
            while self._state.stage is not Stage.DONE and not deadline.passed:
                try:
                    self._advance(deadline)
                except _ListingLost:
                    self._parts = self._names = None
                    self._state = again(self._state, self._context.clock.now())
                self._save()
        except GatewayError as error:
            if not error.is_of_gemini:  # changes since the last save may not have been written
                self._state = self._saved
            self._state = replace(self._state, failures=self._state.failures + 1)
            self._save()
            raise
        return self._state

    def restart(self) -> None:
        """List the store again from the start; an earlier listing was made before files changed."""
        state = self._context.records.get(ReconcileState, self._path).record
        if state is not None:
            self._state = again(state, self._context.clock.now())
            self._save()

    @property
    def failures(self) -> int:
        """Calls in a row that failed."""
        return self._state.failures

    def _new_state(self) -> ReconcileState:
        now = self._context.clock.now()
        return ReconcileState(started_at=now, expires_at=self._batch.expires_at)

    def _advance(self, deadline: Deadline) -> None:
        match self._state.stage:
            case Stage.LISTING:
                self._list(deadline)
            case Stage.JUDGING:
                self._judge_unknown(deadline)
            case Stage.COUNTING_GHOSTS:
                self._count_ghosts(deadline)
            case _:
                self._mend_ghosts(deadline)

    # --- the listing ------------------------------------------------------------------------

    def _list(self, deadline: Deadline) -> None:
        """List up to ``PAGES_AT_ONCE`` pages, and adopt documents whose path has no record."""
        part = ListedDocuments(self._state.pages, expires_at=self._batch.expires_at)
        for _ in range(PAGES_AT_ONCE):
            try:
                page = self._page()
            except BadRequest:  # ``part`` belongs to the listing that ended, or is empty
                raise
            except GatewayError:
                self._save_part(part)
                raise
            part = self._with_page(part, page.documents)
            self._set(position=page.next_page_token)
            if not page.next_page_token:
                self._finish_listing()
                break
            if deadline.passed:
                break
        self._save_part(part)

    def _save_part(self, part: ListedDocuments) -> None:
        """Write the listed documents, and the position from which to continue."""
        if part.live or part.unknown:
            path = listing_path(self._batch.batch_id, part.index)
            self._set(pages=part.index + 1, waiting=self._state.waiting + len(part.unknown))
            self._save(Put(path, to_fields(part)))

    def _page(self) -> DocumentPage:
        try:
            page = self._context.gemini.list_documents(self._batch.store, self._state.position)
        except BadRequest:
            if self._state.position:  # the page token is no longer valid: begin again
                self._state = replace(self._new_state(), failures=self._state.failures)
            raise
        self._set(failures=0)
        return page

    def _with_page(self, part: ListedDocuments, documents: Sequence[Document]) -> ListedDocuments:
        ours, foreign = self._ours.read(documents)
        self._count(listed=len(documents))
        for theirs in foreign:
            self._found(Discrepancy.FOREIGN, theirs.display_name, theirs.name)
        ours = [each for each in ours if each.path.startswith(self._batch.prefix)]
        known = dict(self._files.get(each.path for each in ours))
        unknown, new = [], []
        for document in ours:
            stored = known[document.path]
            adopted = self._adopted(stored, document) if _holds_nothing(stored.record) else None
            known[document.path] = adopted or stored
            if adopted is not None:
                new.append(document)
            elif not self._is_known(self._here(stored.record), document):
                unknown.append(document)
        self._note_others([*new, *unknown])
        return replace(
            part,
            live=(*part.live, *(_id(each.name) for each in ours if not each.is_failed)),
            unknown=(*part.unknown, *unknown),
        )

    def _note_others(self, documents: Sequence[StoredDocument]) -> None:
        """Note which of these documents, which no record knew, another deployment made."""
        if not is_confirmed(self._batch):
            others = (*self._state.others, *self._other_deployment.documents(documents))
            self._set(others=others[:MOST_FINDINGS])

    def _here(self, record: FileRecord | None) -> FileRecord | None:
        return record and known_documents.taken_back(record, self._batch.store)

    def _is_known(self, record: FileRecord | None, document: StoredDocument) -> bool:
        if record is None or document.name not in known_documents.documents_to_remove(record):
            return False
        if record.current_document == document.name:
            self._set(matched=self._state.matched + 1)
        return True

    def _adopted(
        self, stored: Stored[FileRecord], document: StoredDocument
    ) -> Stored[FileRecord] | None:
        """The written record that adopts the document; None if it is to be judged later."""
        judgement = self._judge.orphan(document, stored.record)
        if judgement.record is None:
            return None
        written = self._files.put(stored, judgement.record)
        if written is None:
            return None
        self._report(judgement, document)
        if document.is_active and not self._batch.dry_run:
            self._set(matched=self._state.matched + 1)
        return written

    def _finish_listing(self) -> None:
        """End the listing, and count the documents that the records hold and it did not show."""
        held = self._context.records.documents.count(queries.in_store(self._batch.store))
        self._set(missing=held - self._state.matched, stage=Stage.JUDGING)

    # --- documents that the records don't know ----------------------------------------------

    def _judge_unknown(self, deadline: Deadline) -> None:
        by_path: dict[str, list[StoredDocument]] = defaultdict(list)
        if self._state.waiting:
            for document in chain.from_iterable(part.unknown for part in self._listing()):
                by_path[document.path].append(document)
        for path in sorted(path for path in by_path if path > self._state.position):
            if deadline.passed:
                return
            self._judge_path(path, by_path[path])
            self._set(position=path)
        self._end_setting_aside(by_path)
        whole = self._batch.prefix == self._context.rules.settings.prefix
        stage = Stage.COUNTING_GHOSTS if self._state.missing or not whole else Stage.DONE
        self._set(position="", stage=stage)

    def _judge_path(self, path: str, documents: Sequence[StoredDocument]) -> None:
        """Judge a path's unknown documents, again if its record changes meanwhile."""
        judgement: Judgement | None = Judgement(Discrepancy.UNDECIDED)
        for _ in range(JUDGE_ATTEMPTS):
            stored = self._files.get([path])[path]
            record = self._here(stored.record)
            if record is None or _holds_nothing(record):
                judgement = self._judge.orphan(documents[-1], record)
            else:
                judgement = self._judge.unknown(record, documents, self._live())
            if judgement is None or judgement.record is None:
                break
            if self._files.put(stored, judgement.record) is not None:
                break
            judgement = Judgement(Discrepancy.UNDECIDED)
        if judgement is not None:
            self._report(judgement, documents[-1])

    def _end_setting_aside(self, judged: Collection[str]) -> None:
        """Let the scan decide about files that were set aside and of which nothing was listed.

        One with a listed document is adopted by now, or undecided still.
        """
        began = self._state.started_at
        if began is None or self._batch.dry_run:
            return
        for each in self._context.records.query(FileRecord, queries.set_aside(began)):
            path = each.present.path
            if (path.startswith(self._batch.prefix) and path not in judged) or not path:
                self._files.put(each, replace(each.present, aside=None))

    # --- records without a document ---------------------------------------------------------

    def _count_ghosts(self, deadline: Deadline) -> None:
        """Count the records first whose document is gone: importing many again needs a request."""
        for missing in self._missing(deadline):
            if self._is_gone(missing.present) is not None:
                self._set(ghosts=self._state.ghosts + 1)
        if self._state.stage is not Stage.DONE:
            return
        held = self._context.records.documents.count(queries.in_store(self._batch.store))
        ghosts = self._state.ghosts
        guards.check_lost(ghosts, held, self._batch.max_imports)
        self._set(position="", stage=Stage.MENDING_GHOSTS if ghosts else Stage.DONE)

    def _mend_ghosts(self, deadline: Deadline) -> None:
        """Repair each record whose document is gone or FAILED."""
        for stored in self._missing(deadline):
            leftover = self._is_gone(stored.present)
            if leftover is None:
                continue
            judgement = self._judge.ghost(stored.present, leftover=leftover)
            if judgement.record is not None:
                written = self._files.put(stored, judgement.record)
                judgement = judgement if written else Judgement(Discrepancy.UNDECIDED)
            name = stored.present.current_document or ""
            self._found(judgement.kind, stored.present.path, name)

    def _missing(self, deadline: Deadline) -> Iterator[Stored[FileRecord]]:
        """Records whose document was not listed; after the last one the stage is DONE.

        The position advances after each one, so an error in a later one does not repeat it.
        """
        prefix = self._batch.prefix
        while not _is_over(deadline):
            start = self._state.position or prefix
            query = queries.records_in_range(start, end_of(prefix), RECORDS_AT_ONCE)
            page = [each.present for each in self._context.records.query(FileRecord, query)]
            missing = [each.path for each in page if self._may_be_gone(each)]
            for stored in self._files.get(missing).values() if missing else []:
                if _is_over(deadline):
                    return
                if stored.record and self._may_be_gone(stored.record):
                    yield stored
                    self._set(position=stored.present.path + "\0")
            if len(page) < RECORDS_AT_ONCE:
                self._set(stage=Stage.DONE)
                return
            self._set(position=page[-1].path + "\0")

    def _may_be_gone(self, record: FileRecord) -> bool:
        """Whether its document was indexed before the listing but not listed, and it is at rest."""
        name, began = record.current_document, self._state.started_at
        later = record.indexed_at is not None and began is not None and record.indexed_at >= began
        return bool(name) and name not in self._live() and not later and not is_under_way(record)

    def _is_gone(self, record: FileRecord) -> bool | None:
        """None if the document is in the store, True if it is there as FAILED, False if it is gone.

        Gemini answers 403 both for a missing document and to a bad API key, so a 403 counts as
        missing only if the store can be read.
        """
        gemini, name = self._context.gemini, record.current_document or ""
        try:
            document = gemini.get_document(name)
        except NotFound:
            return False
        except Forbidden:
            gemini.get_store(self._batch.store)
            try:
                document = gemini.get_document(name)
            except (NotFound, Forbidden):
                return False
        return True if document.state is RemoteState.FAILED else None

    # --- the saved listing ------------------------------------------------------------------

    def _listing(self) -> list[ListedDocuments]:
        """The listed documents, read once.

        Not a ``cached_property``: before Python 3.12 it has one lock for all instances, so one
        supervisor would wait for another's read.
        """
        if self._parts is None:
            query = queries.listed_pages(self._batch.batch_id)
            found = self._context.records.query(ListedDocuments, query)
            parts = [each.present for each in found if each.present.index < self._state.pages]
            if len(parts) != self._state.pages:
                raise _ListingLost
            self._parts = parts
        return self._parts

    def _live(self) -> frozenset[str]:
        """Names of the listed documents, without failed ones."""
        if self._names is None:
            ids = chain.from_iterable(part.live for part in self._listing())
            self._names = frozenset(f"{self._batch.store}/documents/{each}" for each in ids)
        return self._names

    # --- the state --------------------------------------------------------------------------

    def _report(self, judgement: Judgement, document: StoredDocument) -> None:
        self._found(judgement.kind, document.path, document.name)
        record = judgement.record
        if record is not None and document.name in (record.current_document, record.new_document):
            self._count(adopted=1)

    def _found(self, kind: Discrepancy, path: str, document: str) -> None:
        self._count(**{kind.value: 1})
        if self._state.counts[kind] <= MOST_FINDINGS:
            self._set(findings=(*self._state.findings, Finding(kind, path, document)))

    def _count(self, **more: int) -> None:
        counts = self._state.counts
        self._set(counts={**counts, **{kind: counts.get(kind, 0) + more[kind] for kind in more}})

    def _set(self, **changes: object) -> None:
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]  # field names

    def _save(self, *also: Put) -> None:
        self._context.records.documents.commit([Put(self._path, to_fields(self._state)), *also])
        self._saved = self._state


def _is_over(deadline: Deadline) -> bool:
    """Whether the deadline has passed; a function, since mypy takes the property for constant."""
    return deadline.passed


def _holds_nothing(record: FileRecord | None) -> bool:
    return record is None or record.status is FileStatus.DELETED


def _id(name: str) -> str:
    return name.rpartition("/")[2]
