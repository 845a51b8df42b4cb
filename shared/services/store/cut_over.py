"""From one store to the next: the old one serves until all is in the new one, and then some."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import Forbidden, GatewayError, NotFound, Refused
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database import queries
from shared.gateways.database.records import DEPLOYMENT, Stored
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.throttle.call_gate import CallGate

MOST_NAMED = 3
"""Files of which a message gives the names."""


class CutOver:
    """Points the deployment at the store that syncs have filled, and drops the one it left."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def promote_if_filled(self) -> str:
        """Cut over, once a batch of the whole left nothing behind; what it came to, in words.

        Files that failed without ever having been in a store hinder nothing.
        """
        deployment = self._context.records.get(Deployment, DEPLOYMENT)
        known = deployment.present
        if not known.next_store:
            return ""
        waiting = self._context.records.documents.count(queries.in_store(known.store))
        lost = self._failed_with_documents()
        if not (waiting or lost):
            self._promote(deployment)
            return (
                f"the deployment points at {known.next_store} now; {known.store} is kept until it "
                "is dropped on request"
            )
        named = ", ".join(lost[:MOST_NAMED])
        why = f"{len(lost)} failed ({named})" if lost else f"{waiting} are not scanned yet"
        return (
            f"{known.store} goes on serving: of its files {why}. Sync with mode retry_failed, or "
            "promote the new store without them"
        )

    def promote(self) -> Deployment:
        """Cut over although files are missing from the next store.

        Raises:
            Refused: no store is being filled.
        """
        deployment = self._context.records.get(Deployment, DEPLOYMENT)
        if deployment.record is None or not deployment.record.next_store:
            raise Refused("no new store is being filled: sync with mode full and new_store first")
        return self._promote(deployment)

    def drop_previous(self) -> str:
        """Delete the store that was left, with its documents; returns its name.

        Raises:
            Refused: none was left.
            GatewayError: it could not be deleted; asking again goes on.
        """
        deployment = self._context.records.get(Deployment, DEPLOYMENT)
        if deployment.record is None or not deployment.record.previous_store:
            raise Refused("there is no store to drop: none was left by a cut-over")
        name = deployment.record.previous_store
        try:
            self._delete(name)
        except GatewayError as error:
            CallGate(self._context).unmetered_failed(error)
            raise
        after = replace(deployment.record, previous_store="")
        self._context.records.write(deployment, after)
        return name

    def _delete(self, name: str) -> None:
        try:
            self._context.gemini.delete_store(name)
        except NotFound:
            pass
        except Forbidden:  # so Gemini says also that it is gone
            if self._is_there(name):
                raise

    def _promote(self, deployment: Stored[Deployment]) -> Deployment:
        known = deployment.present
        after = replace(known, store=known.next_store, previous_store=known.store, next_store="")
        self._context.records.write(deployment, after)
        emit(Event.STORE_CUT_OVER, store=after.store, previous_store=after.previous_store)
        return after

    def _failed_with_documents(self) -> list[str]:
        failed = self._context.records.query(FileRecord, queries.with_status(FileStatus.FAILED))
        return [
            each.present.path
            for each in failed
            if each.present.retired_documents and not each.present.current_document
        ]

    def _is_there(self, name: str) -> bool:
        token = ""
        while True:
            page = self._context.gemini.list_stores(token)
            if any(store.name == name for store in page.stores):
                return True
            token = page.next_page_token
            if not token:
                return False
