"""The documents of an object that is gone leave the store, after a last look at the object."""

from __future__ import annotations

from functools import partial

from shared.domain.errors import GatewayError
from shared.domain.file import known_documents, outcomes
from shared.domain.file.record import FileRecord
from shared.domain.scan import comparison
from shared.gateways.ports import RemoteState
from shared.services.source.inspection import inspect_one
from shared.services.worker.claim import Transition
from shared.services.worker.delivery import Dispatch


class Removal:
    """A dispatch of the polls queue for one released candidate."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def go_on(self) -> None:
        """Delete every document the record knows of, unless the object turns out to be there."""
        dispatch = self._dispatch
        try:
            wanted = inspect_one(dispatch.context, dispatch.record.path)
        except GatewayError as error:
            dispatch.look_again(error)
        if wanted is not None and not wanted.skip_reason:
            dispatch.file.apply(self._came_back(wanted))
        else:
            dispatch.file.apply(known_documents.documents_going)
            for name in known_documents.documents_to_remove(dispatch.record):
                delete_document(dispatch, name)
            dispatch.file.apply(lambda record: outcomes.removed(record, dispatch.now()))
        dispatch.nudge()

    def _came_back(self, wanted: comparison.Wanted) -> Transition:
        dispatch = self._dispatch
        left_over = self._left_over()

        def transition(record: FileRecord) -> FileRecord:
            batch_id, now = dispatch.batch_id, dispatch.now()
            return comparison.came_back(left_over(record), wanted, batch_id, now)

        return transition

    def _left_over(self) -> Transition:
        """What an interrupted removal did not come to delete is the current document again."""
        dispatch = self._dispatch
        record = dispatch.record
        if record.current_document or len(record.stale_documents) != 1:
            return lambda record: record
        (name,) = record.stale_documents
        document = dispatch.if_there(lambda: dispatch.context.gemini.get_document(name))
        if document is None or document.state is not RemoteState.ACTIVE:
            return lambda record: record
        return partial(
            known_documents.holding,
            document=name,
            key=str(document.metadata.get("content_key", "")),
            content_hash=str(document.metadata.get("content_hash", "")),
            size=document.size or 0,
        )


def delete_document(dispatch: Dispatch, name: str) -> None:
    """Delete a document that must not stay. One that isn't there is fine."""
    dispatch.if_there(lambda: dispatch.context.gemini.delete_document(name))
