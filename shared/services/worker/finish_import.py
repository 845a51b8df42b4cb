"""The rest of an import: its operation, its document, the forerunners, the raw file.

None of these requests is metered, so one dispatch goes as far as it can and hands on only where
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
from shared.services.worker.delivery import GONE, Dispatch

INVALID_ARGUMENT = 3
"""google.rpc.Code of an import that will fail again."""

CONTENT_KEY = "content_key"


class Indexing:
    """Follows one import until its file is INDEXED."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._gemini = dispatch.context.gemini

    def go_on(self, operation: ImportOperation | None = None) -> None:
        """Go on from wherever the record stands; ``operation`` saves asking for it first."""
        if not self._dispatch.record.new_document and not self._finish_import(operation):
            return
        if self._verify():
            self._clean_up()

    # --- the operation ----------------------------------------------------------------------

    def _finish_import(self, operation: ImportOperation | None) -> bool:
        """Whether the import's document is known; otherwise what comes next is arranged."""
        dispatch = self._dispatch
        record = dispatch.record
        if not record.operation_name:  # an intent whose dispatch died before its reply was saved
            self._become_uncertain("the reply to the import was lost")
            return False
        try:
            if operation is None or not operation.done:
                operation = dispatch.watch(
                    lambda: self._gemini.get_operation(record.operation_name),
                    until=lambda seen: seen.done,
                    but=(GatewayError,),
                )
        except GatewayError as error:
            self._operation_unreadable(error)
            return False
        if operation.done:
            return self._import_done(operation)
        if dispatch.is_too_late():
            self._become_uncertain("the import did not end in time", OperationState.TIMEOUT)
        else:
            dispatch.poll_at(
                dispatch.next_look(dispatch.waiting_since(dispatch.policy.import_deadline)),
                lambda r: replace(r, errors_in_a_row=0),
                [self._polled()],
            )
        return False

    def _operation_unreadable(self, error: GatewayError) -> None:
        """Gone, or not to be had for too long: the store will tell. Otherwise look again."""
        gone = isinstance(error, GONE) and not self._dispatch.may_be_account_fault(error)
        if gone:
            self._become_uncertain(str(error))
        elif self._dispatch.is_too_late() and not isinstance(error, Throttled):
            self._dispatch.note(error)
            self._become_uncertain(str(error), OperationState.TIMEOUT)
        else:
            self._dispatch.look_again(error)

    def _import_done(self, operation: ImportOperation) -> bool:
        dispatch = self._dispatch
        document = operation.document
        if operation.error_code is not None:
            document = self._left_behind(operation)
            if document is not None and operation.error_code == INVALID_ARGUMENT:
                delete_document(dispatch, document)
                document = None
            if document is None:
                self._import_failed(operation)
                return False
        if document is None:
            self._become_uncertain("the import named no document")
            return False
        name = document
        dispatch.file.apply(lambda record: known_documents.document_known(record, name))
        return True

    def _left_behind(self, operation: ImportOperation) -> str | None:
        """The document of an import that ended with an error, if it left one.

        It is reported to have the operation's id, and to turn ACTIVE at times: it is treated as
        any document that failed, and goes before another import is tried.
        """
        name = f"{self._dispatch.store}/documents/{operation.name.rpartition('/')[2]}"
        document = self._dispatch.if_there(lambda: self._gemini.get_document(name))
        return document.name if document is not None and self._is_ours(document) else None

    def _import_failed(self, operation: ImportOperation) -> None:
        dispatch = self._dispatch
        reason = f"import_file: operation ended with {operation.error_code} {operation.error}"
        ended = self._ended(OperationState.FAILED, reason)
        if operation.error_code == INVALID_ARGUMENT:
            dispatch.fail(FailureKind.PERMANENT, reason, operation.error_code, [ended])
        else:
            dispatch.try_again(reason, operation.error_code, [ended])

    def _become_uncertain(
        self, reason: str, state: OperationState = OperationState.PENDING
    ) -> None:
        dispatch = self._dispatch
        dispatch.file.apply(
            lambda record: transfer.import_uncertain(record, dispatch.now(), dispatch.policy),
            [self._ended(state, reason)],
        )
        dispatch.nudge()

    # --- the document -----------------------------------------------------------------------

    def _verify(self) -> bool:
        """Whether the document is there, ACTIVE, and made from this very content."""
        dispatch = self._dispatch
        name = dispatch.record.new_document
        document: Document | None
        try:
            document = dispatch.watch(
                lambda: self._gemini.get_document(name),
                until=lambda seen: seen.state is not RemoteState.PENDING,
                but=GONE,
            )
        except GONE:
            document = dispatch.if_there(lambda: self._gemini.get_document(name))
        if document is None:
            reason = "the document is not in the store"
            dispatch.try_again(reason, None, [self._ended(OperationState.FAILED, reason)])
            return False
        match document.state:
            case RemoteState.ACTIVE if self._is_ours(document):
                return True
            case RemoteState.ACTIVE:
                self._become_uncertain("the import named a document of other content")
            case RemoteState.FAILED:
                self._document_failed()
            case RemoteState.PENDING if dispatch.is_too_late():
                self._give_up("the document never became active")
            case RemoteState.PENDING:
                dispatch.poll_at(
                    dispatch.next_look(dispatch.waiting_since(dispatch.policy.import_deadline)),
                    lambda record: record,
                )
        return False

    def _is_ours(self, document: Document) -> bool:
        return document.metadata.get(CONTENT_KEY) == self._dispatch.record.working_key

    def _document_failed(self) -> None:
        """FAILED is reported to turn ACTIVE at times: believed only after a grace period."""
        dispatch = self._dispatch
        now = dispatch.now()
        since = dispatch.record.document_failed_at
        if since is None:
            dispatch.traffic.document_failed()
            dispatch.poll_at(
                now + dispatch.policy.poll_first,
                lambda record: replace(record, document_failed_at=now),
            )
        elif now - since < dispatch.policy.failed_grace:
            dispatch.poll_at(dispatch.next_look(since), lambda record: record)
        else:
            self._give_up("the document failed")

    def _give_up(self, reason: str) -> None:
        """Delete what came of the import, and try again."""
        dispatch = self._dispatch
        delete_document(dispatch, dispatch.record.new_document)
        ended = self._ended(OperationState.FAILED, reason)
        dispatch.file.apply(known_documents.document_gone)
        dispatch.try_again(reason, None, [ended])

    # --- the end ----------------------------------------------------------------------------

    def _clean_up(self) -> None:
        """The new document stands: its forerunners go, then the raw file; then it is INDEXED."""
        dispatch = self._dispatch
        for name in known_documents.forerunners(dispatch.record):
            delete_document(dispatch, name)
        raw_file = dispatch.record.raw_file
        if raw_file:
            self._delete_raw(raw_file)
        document = dispatch.record.new_document
        dispatch.file.apply(
            lambda record: outcomes.settled(record, dispatch.now()),
            [self._ended(OperationState.SUCCEEDED, "", document)],
        )
        dispatch.nudge()

    def _delete_raw(self, name: str) -> None:
        """It expires by itself where it can't be deleted in good time."""
        try:
            self._dispatch.ask(lambda: self._gemini.delete_file(name), but=(GatewayError,))
        except GONE:
            pass
        except GatewayError as error:
            if not self._dispatch.is_too_late():
                self._dispatch.look_again(error)
            self._dispatch.note(error)

    # --- the operation's document in the records --------------------------------------------

    def _polled(self) -> Update:
        path = operation_path(self._dispatch.record.operation_id)
        return Update(path, {"last_polled_at": self._dispatch.now()})

    def _ended(self, state: OperationState, error: str, document: str = "") -> Update:
        now = self._dispatch.now()
        return Update(
            operation_path(self._dispatch.record.operation_id),
            {
                "state": state.value,
                "error_message": error,
                "document_name": document,
                "last_polled_at": now,
                "completed_at": None if state is OperationState.PENDING else now,
            },
        )
