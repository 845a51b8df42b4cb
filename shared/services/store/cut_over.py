"""Cuts over from one store to the next; the old one is used until the new one is complete."""

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
"""Failed files that a message names."""


class CutOver:
    """Makes the store that syncs have filled the deployment's store, and drops the old one."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def promote_if_filled(self) -> str:
        """Cut over if every file of the old store is in the new one; returns a message.

        Call it at the end of a batch of the whole deployment. A file that failed or can't be read
        prevents the cut-over only if the old store holds a document of it. The message is empty if
        no store is being filled.
        """
        deployment = self._context.records.get(Deployment, DEPLOYMENT)
        known = deployment.present
        if not known.next_store:
            return ""
        waiting = self._context.records.documents.count(queries.in_store(known.store))
        lost = self._left_with_documents()
        if not (waiting or lost):
            self._promote(deployment)
            return (
                f"the deployment now uses {known.next_store}; {known.store} is kept until you drop "
                "it"
            )
        named = ", ".join(lost[:MOST_NAMED])
        why = (
            f"{len(lost)} failed or can't be read ({named})"
            if lost
            else f"{waiting} are not in the new one yet"
        )
        return (
            f"{known.store} goes on serving: of its files {why}. Sync with mode retry_failed, or "
            "promote the new store without them"
        )

    def promote(self) -> Deployment:
        """Cut over now, even if files are missing in the next store.

        Raises:
            Refused: no store is being filled.
        """
        deployment = self._context.records.get(Deployment, DEPLOYMENT)
        if deployment.record is None or not deployment.record.next_store:
            raise Refused("no new store is being filled: sync with mode full and new_store first")
        return self._promote(deployment)

    def drop_previous(self) -> str:
        """Delete the previous store with its documents; returns its name.

        Raises:
            Refused: there is no previous store.
            GatewayError: the store could not be deleted; the call may be repeated.
        """
        deployment = self._context.records.get(Deployment, DEPLOYMENT)
        if deployment.record is None or not deployment.record.previous_store:
            raise Refused("there is no store to drop: no cut-over has left one")
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
        except Forbidden:  # Gemini answers 403 also if the store is gone
            if self._is_there(name):
                raise

    def _promote(self, deployment: Stored[Deployment]) -> Deployment:
        known = deployment.present
        after = replace(known, store=known.next_store, previous_store=known.store, next_store="")
        self._context.records.write(deployment, after)
        emit(
            Event.STORE_CUT_OVER,
            f"{after.store} serves from now on, in place of {after.previous_store}.",
            store=after.store,
            previous_store=after.previous_store,
        )
        return after

    def _left_with_documents(self) -> list[str]:
        """Files that failed or can't be read, and of which only the old store has a document."""
        records = self._context.records
        left = records.query(FileRecord, queries.with_status(FileStatus.FAILED))
        left += records.query(FileRecord, queries.unreadable(None))
        return [
            each.present.path
            for each in left
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
