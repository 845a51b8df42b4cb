"""Deletes the documents of a removed object, after checking once more that it is gone."""

from __future__ import annotations

from shared.domain.errors import GatewayError
from shared.domain.file import known_documents, lifecycle, outcomes
from shared.domain.file.record import Current, FileRecord
from shared.domain.scan import comparison
from shared.gateways.ports import RemoteState
from shared.services.source.inspection import inspect_one
from shared.services.worker.delivery import Delivery
from shared.services.worker.file_work import FileWork


class DeleteDocuments:
    """A delivery of the polls queue for a removal that the guard has released."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    def run(self) -> None:
        """Delete every document that the record knows of, unless the object exists."""
        delivery = self._delivery
        try:
            wanted = inspect_one(delivery.context, delivery.record.path, delivery.record)
        except GatewayError as error:
            delivery.retry_later(error)
        if wanted is not None and comparison.is_kept(delivery.record, wanted):
            self._keep(wanted)
            return
        delivery.file.apply(known_documents.documents_going)
        for name in known_documents.documents_to_remove(delivery.record):
            delete_document(delivery, name)
        delivery.file.apply(lambda record: outcomes.removed(record, delivery.now()))
        delivery.nudge()

    def _keep(self, wanted: comparison.Wanted) -> None:
        """End the removal: the object is there.

        If an earlier delivery may have begun to delete the document that it wants, the removal
        waits until that can't take effect any more, and the document is looked at again.
        """
        delivery = self._delivery
        left = self._document_left(wanted)
        if left is not None and not delivery.is_too_late():
            deadline = delivery.record.schedule.deadline
            until = deadline or delivery.now() + delivery.policy.import_deadline
            delivery.poll_at(until, lambda record: lifecycle.waiting_until(record, until))
            return

        def ended(record: FileRecord) -> FileRecord:
            known = known_documents.holding(record, left) if left else record
            return comparison.came_back(known, wanted, delivery.batch_id, delivery.now())

        delivery.file.apply(ended)
        delivery.nudge()

    def _document_left(self, wanted: comparison.Wanted) -> Current | None:
        """After an interrupted removal: the one document that is left, if the object wants it."""
        delivery = self._delivery
        record = delivery.record
        if record.current or len(record.stale_documents) != 1:
            return None
        (name,) = record.stale_documents
        document = delivery.none_if_missing(lambda: delivery.context.gemini.get_document(name))
        if document is None or document.state is not RemoteState.ACTIVE:
            return None
        left = Current(
            key=str(document.metadata.get("content_key", "")),
            document=name,
            content_hash=str(document.metadata.get("content_hash", "")),
            size=document.size or 0,
        )
        return left if comparison.is_served(record, wanted, left) else None


def delete_document(work: FileWork, name: str) -> None:
    """Delete a document; one that does not exist is fine.

    Raises:
        HandedOn: the request failed, and is scheduled again.
    """
    work.none_if_missing(lambda: work.context.gemini.delete_document(name))
