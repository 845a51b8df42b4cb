"""Follows an import to its end: operation, document, earlier documents, raw file.

None of these requests is metered, so one look goes as far as it can, and leaves the rest to the
next only if it has to wait. Before a document is deleted, the record says that it is given up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.domain.errors import Forbidden, GatewayError, Throttled
from shared.domain.file import attempt, known_documents, ledger, outcomes
from shared.domain.file.ledger import Outcome
from shared.domain.file.record import FailureKind
from shared.domain.throttle.imports_limit import Ended
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import operation_path
from shared.gateways.ports import Document, ImportOperation, RemoteState, Update, Write
from shared.services.looks.look import Look
from shared.services.worker.delete_documents import delete_document
from shared.services.worker.file_work import GONE

INVALID_ARGUMENT = 3
"""google.rpc.Code of an operation whose import would fail again."""

CONTENT_KEY = "content_key"


class FinishImport:
    """Follows an import until its file is INDEXED."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._gemini = look.context.gemini

    def run(self) -> None:
        """Continue from the record's state."""
        if not self._look.record.new_document and not self._finish_import():
            return
        if self._verify():
            self._clean_up()

    # --- the operation ----------------------------------------------------------------------

    def _finish_import(self) -> bool:
        """Find the import's document. If this returns False, the next step is already written."""
        look = self._look
        name = self._operation
        if name is None:  # a delivery wrote the intent and died before it saved the reply
            self._become_uncertain()
            return False
        try:
            operation = look.ask(lambda: self._gemini.get_operation(name), reraise=(GatewayError,))
        except GatewayError as error:
            return self._operation_unreadable(name, error)
        if operation.done:
            return self._import_done(operation)
        if self._is_settled(name):
            return True
        if look.is_too_late():
            self._become_uncertain()
        else:
            look.poll_at(
                self._next_look_at(),
                lambda r: replace(r, tries=replace(r.tries, errors_in_a_row=0)),
            )
        return False

    def _operation_unreadable(self, name: str, error: GatewayError) -> bool:
        """Go on with the import's document if it is there; else poll again, or search the store.

        The store is searched if the operation is gone, or unreadable for too long. If this returns
        False, the next step is already written.
        """
        look = self._look
        gone = isinstance(error, GONE) and not look.may_be_account_fault(error)
        late = look.is_too_late()
        if gone:
            return self._document_named(None if late else self._document_of(name))
        if not isinstance(error, Throttled | Forbidden) and self._is_settled(name):
            return True
        if late and not isinstance(error, Throttled):
            look.report_to_breaker(error)
            self._become_uncertain()
        else:
            look.retry_later(error)
        return False

    def _is_settled(self, operation: str) -> bool:
        """Whether the import's document is ACTIVE or FAILED, whatever its operation says.

        Users report operations that never end although their document is ACTIVE. If the document
        can't be read, the operation is polled again.
        """
        look, name = self._look, self._name_of_document(operation)
        try:
            document = look.ask(lambda: self._gemini.get_document(name), reraise=(GatewayError,))
        except GONE:
            return False
        except GatewayError as error:
            look.report_to_breaker(error)
            return False
        if document.state is RemoteState.PENDING or not self._is_ours(document):
            return False
        if document.name in look.record.stale_documents:
            return False
        return self._document_named(document.name)

    def _import_done(self, operation: ImportOperation) -> bool:
        look = self._look
        document = operation.document
        if operation.error_code is not None:
            named = self._name_of_document(operation.name)
            document = self._document_of(operation.name)
            is_known = document is not None or named in look.record.stale_documents
            if operation.error_code == INVALID_ARGUMENT and is_known:
                self._delete(named, lambda: self._import_failed(operation))
                return False
            if document is None:
                self._import_failed(operation)
                return False
        elif document is None and not look.is_too_late():
            document = self._document_of(operation.name)
        return self._document_named(document)

    def _document_named(self, document: str | None) -> bool:
        """Save the name of the import's document; without one, the store is searched for it.

        A document whose deletion was begun is deleted, and the import tried again.
        """
        if document is None:
            self._become_uncertain()
            return False
        if document in self._look.record.stale_documents:
            self._delete_and_retry(document, "the document failed")
            return False
        self._look.file.apply(lambda record: known_documents.document_known(record, document))
        return True

    def _document_of(self, operation: str) -> str | None:
        """The import's document, found by the operation's id, in any state; None if there is none.

        An operation and its document are reported to have the same id. A failed import leaves such
        a document too, which turns ACTIVE at times: it is treated like any failed document, and
        deleted before another import.
        """
        name = self._name_of_document(operation)
        document = self._look.none_if_missing(lambda: self._gemini.get_document(name))
        return document.name if document is not None and self._is_ours(document) else None

    def _name_of_document(self, operation: str) -> str:
        store, number = operation.split("/")[:2], operation.rpartition("/")[2]
        return f"{'/'.join(store)}/documents/{number}"

    def _import_failed(self, operation: ImportOperation) -> None:
        look = self._look
        reason = f"import_file: operation ended with {operation.error_code} {operation.error}"
        failed = self._ledger_failure(reason)
        if operation.error_code == INVALID_ARGUMENT:
            look.fail(FailureKind.PERMANENT, reason, operation.error_code, failed)
        else:
            self._import_ended(is_indexed=False)
            look.try_again(reason, operation.error_code, failed)

    def _become_uncertain(self) -> None:
        """Mark the import's outcome as unknown; the search for uncertain imports settles it."""
        look = self._look
        look.file.apply(lambda record: attempt.import_uncertain(record, look.now(), look.policy))
        look.nudge()

    # --- the document -----------------------------------------------------------------------

    def _verify(self) -> bool:
        """Whether the document is ACTIVE and has the content key of the import.

        If this returns False, the next step is already written.
        """
        look = self._look
        name = self._document
        document: Document | None
        try:
            document = look.ask(lambda: self._gemini.get_document(name), reraise=GONE)
        except GONE:
            document = look.none_if_missing(lambda: self._gemini.get_document(name))
        if document is None:
            reason = "the document is not in the store"
            look.try_again(reason, None, self._ledger_failure(reason))
            return False
        match document.state:
            case RemoteState.ACTIVE if self._is_ours(document):
                return True
            case RemoteState.ACTIVE:
                self._become_uncertain()  # the document has another content key
            case RemoteState.FAILED:
                self._document_failed()
            case RemoteState.PENDING if look.is_too_late():
                self._delete_and_retry(name, "the document never became active")
            case RemoteState.PENDING:
                look.poll_at(self._next_look_at(), lambda record: record)
        return False

    @property
    def _document(self) -> str:
        """Resource name of the import's document, once it is known."""
        return self._look.record.new_document or ""

    @property
    def _operation(self) -> str | None:
        """Name of the import's operation, or None if it is unknown."""
        call = self._look.record.import_call
        return call.operation if call else None

    def _is_ours(self, document: Document) -> bool:
        return document.metadata.get(CONTENT_KEY) == self._look.record.working_key

    def _document_failed(self) -> None:
        """Wait for a grace period before giving up: FAILED is reported to turn ACTIVE at times."""
        look = self._look
        now = look.now()
        seen = look.working.new_document
        since = seen.failed_at if seen else None
        if since is None:
            self._import_ended(is_indexed=False)
            look.file.apply(lambda record: known_documents.first_seen_failed(record, now))
            if not look.working.crowd.is_suspected_now:
                look.gate.document_failed()
            look.poll_at(now + look.policy.look_first, lambda record: record)
        elif now - since < look.policy.failed_grace:
            look.poll_at(look.next_look_at(since, look.policy.look_first), lambda record: record)
        else:
            self._delete_and_retry(self._document, "the document failed")

    def _delete_and_retry(self, document: str, reason: str) -> None:
        """Delete the import's document, and try again."""
        failed = self._ledger_failure(reason)
        self._delete(document, lambda: self._look.try_again(reason, None, failed))

    def _delete(self, document: str, then: Callable[[], None]) -> None:
        """Delete a document of the import, which doesn't count from now on; ``then`` goes on."""
        look = self._look

        def deletion() -> None:
            delete_document(look, document)
            look.file.apply(lambda record: known_documents.document_gone(record, document))
            then()

        if look.file.is_stale(document):
            deletion()
            return
        look.file.apply(lambda record: known_documents.document_going(record, document))
        look.after_commit(deletion)

    # --- the end ----------------------------------------------------------------------------

    def _clean_up(self) -> None:
        """Delete the path's earlier documents and the raw file; then the file is INDEXED."""
        look = self._look
        if look.record.current_document not in (None, self._document):
            look.file.apply(known_documents.forerunners_going)
            look.after_commit(self._delete_forerunners)
        else:
            self._delete_forerunners()

    def _delete_forerunners(self) -> None:
        look = self._look
        for name in known_documents.forerunners(look.record):
            delete_document(look, name)
        if look.record.raw_file is not None:
            self._delete_raw(look.raw_name)
        self._import_ended(is_indexed=True)
        look.file.apply(lambda record: outcomes.settled(record, look.now()))
        look.nudge()

    def _delete_raw(self, name: str) -> None:
        """Delete the raw file; if that fails until the deadline, the raw file expires by itself."""
        try:
            self._look.ask(lambda: self._gemini.delete_file(name), reraise=(GatewayError,))
        except GONE:
            pass
        except GatewayError as error:
            if not self._look.is_too_late():
                self._look.retry_later(error)
            self._look.report_to_breaker(error)

    def _next_look_at(self) -> datetime:
        look = self._look
        since = look.waiting_since(look.policy.import_deadline)
        return look.next_look_at(since, look.policy.look_first)

    def _import_ended(self, *, is_indexed: bool) -> None:
        """Note what the import's end tells of how many may be in progress."""
        look = self._look
        crowd, accepted = look.working.crowd, look.record.import_accepted
        if accepted is None or not (crowd.beside or crowd.failed_beside):
            return
        now, preset = look.now(), look.context.rules.settings.imports_in_progress
        seconds = round((now - accepted.at).total_seconds(), 1)
        look.gate.ended.append(
            Ended(crowd.beside, seconds, is_indexed, crowd.failed_beside, crowd.failed_at)
        )
        if not is_indexed:
            look.file.apply(lambda record: known_documents.suspected(record, preset, now))

    # --- the ledger -------------------------------------------------------------------------

    def _ledger_failure(self, reason: str) -> list[Write]:
        """The ledger write of a failure; none for a verification, which has no ledger entry."""
        return self._ledger_updates(ledger.failed(self._operation, reason, self._look.now()))

    def _ledger_updates(self, outcome: Outcome) -> list[Write]:
        call = self._look.record.import_call
        return [Update(operation_path(call.id), to_fields(outcome))] if call else []
