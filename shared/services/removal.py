"""The documents of an object that is gone leave the store, after a last look at the object."""

from __future__ import annotations

from shared.domain import journey, planning
from shared.domain.files import FileRecord
from shared.services.claimed_file import Transition
from shared.services.dispatch import Dispatch
from shared.services.inspection import inspect_one


class Removal:
    """A dispatch of the polls queue for one released candidate."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    def go_on(self) -> None:
        """Delete every document the record knows of, unless the object turns out to be there."""
        dispatch = self._dispatch
        wanted = inspect_one(dispatch.context, dispatch.record.path)
        if wanted is not None and not wanted.skip_reason:
            dispatch.file.apply(self._came_back(wanted))
        else:
            dispatch.file.apply(journey.documents_going)
            for name in journey.documents_to_remove(dispatch.record):
                delete_document(dispatch, name)
            dispatch.file.apply(lambda record: journey.removed(record, dispatch.now()))
        dispatch.nudge()

    def _came_back(self, wanted: planning.Wanted) -> Transition:
        dispatch = self._dispatch

        def transition(record: FileRecord) -> FileRecord:
            return planning.came_back(record, wanted, dispatch.batch_id, dispatch.now())

        return transition


def delete_document(dispatch: Dispatch, name: str) -> None:
    """Delete a document that must not stay. One that isn't there is fine."""
    dispatch.if_there(lambda: dispatch.context.gemini.delete_document(name))
