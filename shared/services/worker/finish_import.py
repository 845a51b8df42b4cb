"""Follows an import to its end: operation, document, earlier documents, raw file.

None of these requests is metered, so one delivery goes as far as it can, and leaves the rest to the
next only if it has to wait.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain.errors import Forbidden, GatewayError, Throttled
from shared.domain.file import attempt, known_documents, ledger, outcomes
from shared.domain.file.ledger import Outcome
from shared.domain.file.record import FailureKind
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import operation_path
from shared.gateways.ports import Document, ImportOperation, RemoteState, Update, Write
from shared.services.worker.delete_documents import delete_document
from shared.services.worker.delivery import GONE, Delivery

INVALID_ARGUMENT = 3
"""google.rpc.Code of an operation whose import would fail again."""

CONTENT_KEY = "content_key"


class FinishImport:
    """Follows an import until its file is INDEXED."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._gemini = delivery.context.gemini

    def run(self, operation: ImportOperation | None = None) -> None:
        """Continue from the record's state; a given ``operation`` saves the first read of it."""
        if not self._delivery.record.new_document and not self._finish_import(operation):
            return
        if self._verify():
            self._clean_up()

    # --- the operation ----------------------------------------------------------------------

    def _finish_import(self, operation: ImportOperation | None) -> bool:
        """Find the import's document. If this returns False, the next step is already written."""
        delivery = self._delivery
        name = self._operation
        if name is None:  # a delivery wrote the intent and died before it saved the reply
            self._become_uncertain()
            return False
        try:
            if operation is None or not operation.done:
                operation = delivery.poll_inline(
                    lambda: self._gemini.get_operation(name),
                    until=lambda latest: latest.done,
                    reraise=(GatewayError,),
                )
        except GatewayError as error:
            return self._operation_unreadable(name, error)
        if operation.done:
            return self._import_done(operation)
        if self._is_settled(name):
            return True
        if delivery.is_too_late():
            self._become_uncertain()
        else:
            delivery.poll_at(
                delivery.next_poll_at(delivery.waiting_since(delivery.policy.import_deadline)),
                lambda r: replace(r, tries=replace(r.tries, errors_in_a_row=0)),
            )
        return False

    def _operation_unreadable(self, name: str, error: GatewayError) -> bool:
        """Go on with the import's document if it is there; else poll again, or search the store.

        The store is searched if the operation is gone, or unreadable for too long. If this returns
        False, the next step is already written.
        """
        delivery = self._delivery
        gone = isinstance(error, GONE) and not delivery.may_be_account_fault(error)
        late = delivery.is_too_late()
        if gone:
            return self._document_named(None if late else self._document_of(name))
        if not isinstance(error, Throttled | Forbidden) and self._is_settled(name):
            return True
        if late and not isinstance(error, Throttled):
            delivery.report_to_breaker(error)
            self._become_uncertain()
        else:
            delivery.retry_later(error)
        return False

    def _is_settled(self, operation: str) -> bool:
        """Whether the import's document is ACTIVE or FAILED, whatever its operation says.

        Users report operations that never end although their document is ACTIVE. If the document
        can't be read, the operation is polled again.
        """
        delivery, name = self._delivery, self._name_of_document(operation)
        try:
            document = delivery.ask(
                lambda: self._gemini.get_document(name), reraise=(GatewayError,)
            )
        except GONE:
            return False
        except GatewayError as error:
            delivery.report_to_breaker(error)
            return False
        if document.state is RemoteState.PENDING or not self._is_ours(document):
            return False
        if document.name in delivery.record.stale_documents:
            return False
        return self._document_named(document.name)

    def _import_done(self, operation: ImportOperation) -> bool:
        delivery = self._delivery
        document = operation.document
        if operation.error_code is not None:
            named = self._name_of_document(operation.name)
            document = self._document_of(operation.name)
            is_known = document is not None or named in delivery.record.stale_documents
            if operation.error_code == INVALID_ARGUMENT and is_known:
                self._delete(named)
                document = None
            if document is None:
                self._import_failed(operation)
                return False
        elif document is None and not delivery.is_too_late():
            document = self._document_of(operation.name)
        return self._document_named(document)

    def _document_named(self, document: str | None) -> bool:
        """Save the name of the import's document; without one, the store is searched for it.

        A document whose deletion was begun is deleted, and the import tried again.
        """
        if document is None:
            self._become_uncertain()
            return False
        if document in self._delivery.record.stale_documents:
            self._delete_and_retry(document, "the document failed")
            return False
        self._delivery.file.apply(lambda record: known_documents.document_known(record, document))
        return True

    def _document_of(self, operation: str) -> str | None:
        """The import's document, found by the operation's id, in any state; None if there is none.

        An operation and its document are reported to have the same id. A failed import leaves such
        a document too, which turns ACTIVE at times: it is treated like any failed document, and
        deleted before another import.
        """
        name = self._name_of_document(operation)
        document = self._delivery.none_if_missing(lambda: self._gemini.get_document(name))
        return document.name if document is not None and self._is_ours(document) else None

    def _name_of_document(self, operation: str) -> str:
        return f"{self._delivery.store}/documents/{operation.rpartition('/')[2]}"

    def _import_failed(self, operation: ImportOperation) -> None:
        delivery = self._delivery
        reason = f"import_file: operation ended with {operation.error_code} {operation.error}"
        failed = self._ledger_failure(reason)
        if operation.error_code == INVALID_ARGUMENT:
            delivery.fail(FailureKind.PERMANENT, reason, operation.error_code, failed)
        else:
            delivery.try_again(reason, operation.error_code, failed)

    def _become_uncertain(self) -> None:
        """Mark the import's outcome as unknown; the search for uncertain imports settles it."""
        delivery = self._delivery
        delivery.file.apply(
            lambda record: attempt.import_uncertain(record, delivery.now(), delivery.policy)
        )
        delivery.nudge()

    # --- the document -----------------------------------------------------------------------

    def _verify(self) -> bool:
        """Whether the document is ACTIVE and has the content key of the import.

        If this returns False, the next step is already written.
        """
        delivery = self._delivery
        name = self._document
        document: Document | None
        try:
            document = delivery.poll_inline(
                lambda: self._gemini.get_document(name),
                until=lambda latest: latest.state is not RemoteState.PENDING,
                reraise=GONE,
            )
        except GONE:
            document = delivery.none_if_missing(lambda: self._gemini.get_document(name))
        if document is None:
            reason = "the document is not in the store"
            delivery.try_again(reason, None, self._ledger_failure(reason))
            return False
        match document.state:
            case RemoteState.ACTIVE if self._is_ours(document):
                return True
            case RemoteState.ACTIVE:
                self._become_uncertain()  # the document has another content key
            case RemoteState.FAILED:
                self._document_failed()
            case RemoteState.PENDING if delivery.is_too_late():
                self._delete_and_retry(name, "the document never became active")
            case RemoteState.PENDING:
                delivery.poll_at(
                    delivery.next_poll_at(delivery.waiting_since(delivery.policy.import_deadline)),
                    lambda record: record,
                )
        return False

    @property
    def _document(self) -> str:
        """Resource name of the import's document, once it is known."""
        return self._delivery.record.new_document or ""

    @property
    def _operation(self) -> str | None:
        """Name of the import's operation, or None if it is unknown."""
        call = self._delivery.record.import_call
        return call.operation if call else None

    def _is_ours(self, document: Document) -> bool:
        return document.metadata.get(CONTENT_KEY) == self._delivery.record.working_key

    def _document_failed(self) -> None:
        """Wait for a grace period before giving up: FAILED is reported to turn ACTIVE at times."""
        delivery = self._delivery
        now = delivery.now()
        seen = delivery.working.new_document
        since = seen.failed_at if seen else None
        if since is None:
            delivery.gate.document_failed()
            delivery.poll_at(
                now + delivery.policy.poll_first,
                lambda record: known_documents.first_seen_failed(record, now),
            )
        elif now - since < delivery.policy.failed_grace:
            delivery.poll_at(delivery.next_poll_at(since), lambda record: record)
        else:
            self._delete_and_retry(self._document, "the document failed")

    def _delete_and_retry(self, document: str, reason: str) -> None:
        """Delete the import's document, and try again."""
        self._delete(document)
        self._delivery.try_again(reason, None, self._ledger_failure(reason))

    def _delete(self, document: str) -> None:
        """Delete a document of the import, which doesn't count from now on."""
        delivery = self._delivery
        if document not in delivery.record.stale_documents:
            delivery.file.apply(lambda record: known_documents.document_going(record, document))
        delete_document(delivery, document)
        delivery.file.apply(lambda record: known_documents.document_gone(record, document))

    # --- the end ----------------------------------------------------------------------------

    def _clean_up(self) -> None:
        """Delete the path's earlier documents and the raw file; then the file is INDEXED."""
        delivery = self._delivery
        if delivery.record.current_document not in (None, self._document):
            delivery.file.apply(known_documents.forerunners_going)
        for name in known_documents.forerunners(delivery.record):
            delete_document(delivery, name)
        if delivery.record.raw_file is not None:
            self._delete_raw(delivery.raw_name)
        document = self._document
        delivery.file.apply(
            lambda record: outcomes.settled(record, delivery.now()),
            self._ledger_updates(ledger.succeeded(self._operation, document, delivery.now())),
        )
        delivery.nudge()

    def _delete_raw(self, name: str) -> None:
        """Delete the raw file; if that fails until the deadline, the raw file expires by itself."""
        try:
            self._delivery.ask(lambda: self._gemini.delete_file(name), reraise=(GatewayError,))
        except GONE:
            pass
        except GatewayError as error:
            if not self._delivery.is_too_late():
                self._delivery.retry_later(error)
            self._delivery.report_to_breaker(error)

    # --- the ledger -------------------------------------------------------------------------

    def _ledger_failure(self, reason: str) -> list[Write]:
        """The ledger write of a failure; none for a verification, which has no ledger entry."""
        return self._ledger_updates(ledger.failed(self._operation, reason, self._delivery.now()))

    def _ledger_updates(self, outcome: Outcome) -> list[Write]:
        call = self._delivery.record.import_call
        return [Update(operation_path(call.id), to_fields(outcome))] if call else []
