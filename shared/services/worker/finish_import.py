"""The rest of an import: its operation, its document, the forerunners, the raw file.

None of these requests is metered, so one delivery goes as far as it can and hands on only where
it has to wait.
"""

from __future__ import annotations

from dataclasses import replace

from shared.domain.errors import GatewayError, Throttled
from shared.domain.file import known_documents, outcomes, transfer
from shared.domain.file.operation import OperationState
from shared.domain.file.record import FailureKind
from shared.gateways.database.records import operation_path
from shared.gateways.ports import Document, ImportOperation, RemoteState, Update
from shared.services.worker.delete_documents import delete_document
from shared.services.worker.delivery import GONE, Delivery

INVALID_ARGUMENT = 3
"""google.rpc.Code of an import that will fail again."""

CONTENT_KEY = "content_key"


class FinishImport:
    """Follows one import until its file is INDEXED."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._gemini = delivery.context.gemini

    def go_on(self, operation: ImportOperation | None = None) -> None:
        """Go on from wherever the record stands; ``operation`` saves asking for it first."""
        if not self._delivery.record.new_document and not self._finish_import(operation):
            return
        if self._verify():
            self._clean_up()

    # --- the operation ----------------------------------------------------------------------

    def _finish_import(self, operation: ImportOperation | None) -> bool:
        """Whether the import's document is known; otherwise what comes next is arranged."""
        delivery = self._delivery
        record = delivery.record
        operation_name = record.import_call.operation if record.import_call else None
        if not operation_name:  # an intent whose delivery died before its reply was saved
            self._become_uncertain("the reply to the import was lost")
            return False
        try:
            if operation is None or not operation.done:
                operation = delivery.watch(
                    lambda: self._gemini.get_operation(operation_name),
                    until=lambda seen: seen.done,
                    but=(GatewayError,),
                )
        except GatewayError as error:
            self._operation_unreadable(error)
            return False
        if operation.done:
            return self._import_done(operation)
        if delivery.is_too_late():
            self._become_uncertain("the import did not end in time", OperationState.TIMEOUT)
        else:
            delivery.poll_at(
                delivery.next_look(delivery.waiting_since(delivery.policy.import_deadline)),
                lambda r: replace(r, tries=replace(r.tries, errors_in_a_row=0)),
                [self._polled()],
            )
        return False

    def _operation_unreadable(self, error: GatewayError) -> None:
        """Gone, or not to be had for too long: the store will tell. Otherwise look again."""
        gone = isinstance(error, GONE) and not self._delivery.may_be_account_fault(error)
        if gone:
            self._become_uncertain(str(error))
        elif self._delivery.is_too_late() and not isinstance(error, Throttled):
            self._delivery.note(error)
            self._become_uncertain(str(error), OperationState.TIMEOUT)
        else:
            self._delivery.retry_later(error)

    def _import_done(self, operation: ImportOperation) -> bool:
        delivery = self._delivery
        document = operation.document
        if operation.error_code is not None:
            document = self._left_behind(operation)
            if document is not None and operation.error_code == INVALID_ARGUMENT:
                delete_document(delivery, document)
                document = None
            if document is None:
                self._import_failed(operation)
                return False
        if document is None:
            self._become_uncertain("the import named no document")
            return False
        name = document
        delivery.file.apply(lambda record: known_documents.document_known(record, name))
        return True

    def _left_behind(self, operation: ImportOperation) -> str | None:
        """The document of an import that ended with an error, if it left one.

        It is reported to have the operation's id, and to turn ACTIVE at times: it is treated as
        any document that failed, and goes before another import is tried.
        """
        name = f"{self._delivery.store}/documents/{operation.name.rpartition('/')[2]}"
        document = self._delivery.if_there(lambda: self._gemini.get_document(name))
        return document.name if document is not None and self._is_ours(document) else None

    def _import_failed(self, operation: ImportOperation) -> None:
        delivery = self._delivery
        reason = f"import_file: operation ended with {operation.error_code} {operation.error}"
        ended = self._ended(OperationState.FAILED, reason)
        if operation.error_code == INVALID_ARGUMENT:
            delivery.fail(FailureKind.PERMANENT, reason, operation.error_code, [ended])
        else:
            delivery.try_again(reason, operation.error_code, [ended])

    def _become_uncertain(
        self, reason: str, state: OperationState = OperationState.PENDING
    ) -> None:
        delivery = self._delivery
        delivery.file.apply(
            lambda record: transfer.import_uncertain(record, delivery.now(), delivery.policy),
            [self._ended(state, reason)],
        )
        delivery.nudge()

    # --- the document -----------------------------------------------------------------------

    def _verify(self) -> bool:
        """Whether the document is there, ACTIVE, and made from this very content."""
        delivery = self._delivery
        name = self._document
        document: Document | None
        try:
            document = delivery.watch(
                lambda: self._gemini.get_document(name),
                until=lambda seen: seen.state is not RemoteState.PENDING,
                but=GONE,
            )
        except GONE:
            document = delivery.if_there(lambda: self._gemini.get_document(name))
        if document is None:
            reason = "the document is not in the store"
            delivery.try_again(reason, None, [self._ended(OperationState.FAILED, reason)])
            return False
        match document.state:
            case RemoteState.ACTIVE if self._is_ours(document):
                return True
            case RemoteState.ACTIVE:
                self._become_uncertain("the import named a document of other content")
            case RemoteState.FAILED:
                self._document_failed()
            case RemoteState.PENDING if delivery.is_too_late():
                self._give_up("the document never became active")
            case RemoteState.PENDING:
                delivery.poll_at(
                    delivery.next_look(delivery.waiting_since(delivery.policy.import_deadline)),
                    lambda record: record,
                )
        return False

    @property
    def _document(self) -> str:
        """Resource name of the import's document, which is known by now."""
        return self._delivery.record.new_document or ""

    @property
    def _operation_id(self) -> str:
        call = self._delivery.record.import_call
        return call.id if call else ""

    def _is_ours(self, document: Document) -> bool:
        return document.metadata.get(CONTENT_KEY) == self._delivery.record.working_key

    def _document_failed(self) -> None:
        """FAILED is reported to turn ACTIVE at times: believed only after a grace period."""
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
            delivery.poll_at(delivery.next_look(since), lambda record: record)
        else:
            self._give_up("the document failed")

    def _give_up(self, reason: str) -> None:
        """Delete what came of the import, and try again."""
        delivery = self._delivery
        delete_document(delivery, self._document)
        ended = self._ended(OperationState.FAILED, reason)
        delivery.file.apply(known_documents.document_gone)
        delivery.try_again(reason, None, [ended])

    # --- the end ----------------------------------------------------------------------------

    def _clean_up(self) -> None:
        """The new document stands: its forerunners go, then the raw file; then it is INDEXED."""
        delivery = self._delivery
        for name in known_documents.forerunners(delivery.record):
            delete_document(delivery, name)
        if delivery.record.raw_file is not None:
            self._delete_raw(delivery.raw_name)
        document = self._document
        delivery.file.apply(
            lambda record: outcomes.settled(record, delivery.now()),
            [self._ended(OperationState.SUCCEEDED, "", document)],
        )
        delivery.nudge()

    def _delete_raw(self, name: str) -> None:
        """It expires by itself where it can't be deleted in good time."""
        try:
            self._delivery.ask(lambda: self._gemini.delete_file(name), but=(GatewayError,))
        except GONE:
            pass
        except GatewayError as error:
            if not self._delivery.is_too_late():
                self._delivery.retry_later(error)
            self._delivery.note(error)

    # --- the operation's document in the records --------------------------------------------

    def _polled(self) -> Update:
        path = operation_path(self._operation_id)
        return Update(path, {"last_polled_at": self._delivery.now()})

    def _ended(self, state: OperationState, error: str, document: str = "") -> Update:
        now = self._delivery.now()
        return Update(
            operation_path(self._operation_id),
            {
                "state": state.value,
                "error_message": error,
                "document_name": document,
                "last_polled_at": now,
                "completed_at": None if state is OperationState.PENDING else now,
            },
        )
