"""Deletes the documents of a removed object, after checking once more that it is gone."""

from __future__ import annotations

from functools import partial

from shared.domain.errors import GatewayError
from shared.domain.file import known_documents, outcomes
from shared.domain.file.record import Current, FileRecord
from shared.domain.scan import comparison
from shared.gateways.ports import RemoteState
from shared.services.source.inspection import inspect_one
from shared.services.worker.claim import Transition
from shared.services.worker.delivery import Delivery


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
            delivery.file.apply(self._came_back(wanted))
        else:
            delivery.file.apply(known_documents.documents_going)
            for name in known_documents.documents_to_remove(delivery.record):
                delete_document(delivery, name)
            delivery.file.apply(lambda record: outcomes.removed(record, delivery.now()))
        delivery.nudge()

    def _came_back(self, wanted: comparison.Wanted) -> Transition:
        delivery = self._delivery
        restored = self._restored_current()

        def transition(record: FileRecord) -> FileRecord:
            batch_id, now = delivery.batch_id, delivery.now()
            return comparison.came_back(restored(record), wanted, batch_id, now)

        return transition

    def _restored_current(self) -> Transition:
        """After an interrupted removal: makes the one document that is left current again."""
        delivery = self._delivery
        record = delivery.record
        if record.current or len(record.stale_documents) != 1:
            return lambda record: record
        (name,) = record.stale_documents
        document = delivery.none_if_missing(lambda: delivery.context.gemini.get_document(name))
        if document is None or document.state is not RemoteState.ACTIVE:
            return lambda record: record
        return partial(
            known_documents.holding,
            document=Current(
                key=str(document.metadata.get("content_key", "")),
                document=name,
                content_hash=str(document.metadata.get("content_hash", "")),
                size=document.size or 0,
            ),
        )


def delete_document(delivery: Delivery, name: str) -> None:
    """Delete a document; one that does not exist is fine.

    Raises:
        HandedOn: the request failed, and is scheduled again.
    """
    delivery.none_if_missing(lambda: delivery.context.gemini.delete_document(name))
