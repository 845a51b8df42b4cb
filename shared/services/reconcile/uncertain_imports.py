"""Searches the store for uncertain imports: adopts the document of each, or tries it again.

One listing serves all of them. It may take many calls of the supervisor, and decides nothing until
it is complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.domain.errors import BadRequest, GatewayError
from shared.domain.file import attempt, known_documents, ledger, lifecycle
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database import queries
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import UNCERTAIN_SEARCH, Stored, operation_path
from shared.gateways.ports import Document, Put, Write
from shared.services.context import Context, Deadline
from shared.services.events import emit_outcome

NO_DOCUMENT = "the import left no document in the store"

MOST_FILES = 500
"""Uncertain files of one search; the next search takes the others."""


@dataclass(frozen=True, slots=True)
class UncertainSearch:
    """The state of a search, at ``meta/uncertain``.

    Attributes:
        started_at: When the listing began; None if no search is in progress.
        page_token: The next page of the listing.
        wanted: Content keys searched for, of the imports that were due when the listing began;
            others are left to the next search.
        found: Names of the documents found, oldest first, by content key.
        schema_version: The version of this record's schema.
    """

    started_at: datetime | None = None
    page_token: str = ""
    wanted: tuple[str, ...] = ()
    found: dict[str, tuple[str, ...]] = field(default_factory=dict)
    schema_version: int = 1


class ResolveUncertain:
    """Settles files in status UNCERTAIN."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, store: str, batch_id: str, deadline: Deadline) -> int:
        """Continue the search, or begin one if any import is due; returns how many it settled.

        Args:
            store: Resource name of the store.
            batch_id: The batch that takes the files over.
            deadline: When to stop; the next call continues.

        Raises:
            GatewayError: the listing failed; its progress is kept.
        """
        records = self._context.records
        uncertain = records.query(
            FileRecord, queries.with_status(FileStatus.UNCERTAIN, limit=MOST_FILES)
        )
        if not uncertain:
            return 0  # saves the read below; a search that was begun goes on with the next one
        stored_state = records.get(UncertainSearch, UNCERTAIN_SEARCH)
        state = stored_state.record or UncertainSearch()
        if state.started_at is None:
            state = self._new_search(uncertain)
        if state.started_at is None:
            return 0
        began = state.started_at
        state, complete = self._listed(store, state, deadline)
        if not complete:
            self._save(state)
            return 0
        settled = 0
        for file in uncertain:
            key = file.present.working_key
            if key and key in state.wanted and _is_due(file.present, began):
                self._settle(file, state.found.get(key, ()), batch_id)
                settled += 1
        self._save(UncertainSearch())
        return settled

    def _listed(
        self, store: str, state: UncertainSearch, deadline: Deadline
    ) -> tuple[UncertainSearch, bool]:
        """Continue the listing; returns the state, and whether the listing is complete."""
        complete = False
        while not complete and not deadline.passed:
            try:
                page = self._context.gemini.list_documents(store, state.page_token)
            except BadRequest:
                self._save(UncertainSearch())  # the page token is no longer valid: begin again
                raise
            except GatewayError:
                self._save(state)
                raise
            state = replace(
                state,
                page_token=page.next_page_token,
                found=_merged(state, self._matches(state, page.documents)),
            )
            complete = not page.next_page_token
        return state, complete

    def _new_search(self, uncertain: Iterable[Stored[FileRecord]]) -> UncertainSearch:
        now = self._context.clock.now()
        due = [each.present.working_key for each in uncertain if _is_due(each.present, now)]
        keys = tuple(key for key in due if key)
        return UncertainSearch(started_at=now, wanted=keys) if due else UncertainSearch()

    def _matches(
        self, state: UncertainSearch, documents: Iterable[Document]
    ) -> Iterable[tuple[str, str]]:
        """Content key and name of each document with our owner tag and a wanted content key."""
        owner = self._context.rules.settings.owner
        for document in documents:
            key = document.metadata.get("content_key")
            if document.metadata.get("owner") != owner:
                continue
            if isinstance(key, str) and key in state.wanted:
                yield key, document.name

    def _settle(self, file: Stored[FileRecord], found: tuple[str, ...], batch_id: str) -> None:
        """Adopt the newest of the documents that the record doesn't know, or try the import again.

        The other unknown documents become stale.
        """
        context = self._context
        policy = context.rules.file
        known = set(known_documents.documents_to_remove(file.present))
        fresh = [name for name in found if name not in known]

        def decide(stored: Stored[FileRecord]) -> FileRecord | None:
            now = context.clock.now()
            record = stored.present
            if record.status is not FileStatus.UNCERTAIN:
                return None
            record = lifecycle.taken_over(record, batch_id)
            if not fresh:
                return attempt.tried_again(record, NO_DOCUMENT, None, now, context.jitter(), policy)
            stale = (*record.stale_documents, *fresh[:-1])
            chosen = attempt.adopted(replace(record, stale_documents=stale), fresh[-1], now, policy)
            return lifecycle.to_be_looked_at(chosen, now, now, policy)

        also = [] if fresh else self._ledger_failure(file.present)
        changed = context.records.change(FileRecord, file.path, decide, known=file, also=also)
        settled = changed.present
        emit_outcome(file.record, settled)
        if settled.status is FileStatus.IMPORTING:
            context.wake_poller(batch_id, [context.clock.now()])

    def _ledger_failure(self, record: FileRecord) -> list[Write]:
        """The ledger write of an import without a document; none if its entry has expired."""
        call = record.import_call
        if call is None:
            return []
        entry = self._context.records.get(LedgerEntry, operation_path(call.id))
        if entry.record is None:
            return []
        failed = ledger.failed(call.operation, NO_DOCUMENT, self._context.clock.now())
        return [Put(entry.path, to_fields(ledger.ended(entry.record, failed)))]

    def _save(self, state: UncertainSearch) -> None:
        self._context.records.change(UncertainSearch, UNCERTAIN_SEARCH, lambda _: state)


def _is_due(record: FileRecord, began: datetime) -> bool:
    """Whether a listing begun at ``began`` is late enough to show any effect of the import."""
    ready_at = record.schedule.ready_at
    return ready_at is None or ready_at <= began


def _merged(
    state: UncertainSearch, matches: Iterable[tuple[str, str]]
) -> dict[str, tuple[str, ...]]:
    found = dict(state.found)
    for key, name in matches:
        found[key] = (*(n for n in found.get(key, ()) if n != name), name)
    return found
