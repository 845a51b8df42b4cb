"""Recognises another deployment that writes documents with our owner tag, from records of its own.

Two deployments of the same bucket, prefix and name pay for each change twice, and delete each
other's documents as duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from shared.domain.batch.batch import Batch, SyncMode, Trigger
from shared.domain.deployment.deployment import Deployment
from shared.domain.file import ledger
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import FileRecord
from shared.domain.reconcile.judge import StoredDocument
from shared.gateways.database import queries
from shared.gateways.database.records import DEPLOYMENT, file_path
from shared.services.context import Context
from shared.services.events import Event, emit

MOST_KEPT = 20
"""Documents of another deployment that are kept by name."""

MOST_NAMED = 3
"""Those of them that a message names."""


def is_confirmed(batch: Batch) -> bool:
    """Whether a person asked for a reconcile: all documents with our tag are to be taken over."""
    return batch.mode is SyncMode.RECONCILE and batch.trigger is Trigger.HTTP


class OtherDeployment:
    """Tells another deployment's documents, and saves that there are some."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._since: datetime | None = None

    def documents(self, unknown: Iterable[StoredDocument]) -> list[str]:
        """Names of the documents that none of our imports can have made.

        Only documents can be told that were created since our records began, and so recently that
        the ledger still has their imports.

        Args:
            unknown: Documents with our owner tag that no file's record knows.
        """
        return [each.name for each in unknown if self._is_recent(each) and not self._is_ours(each)]

    def save(self, names: Sequence[str]) -> None:
        """Save the names, and log an event if they are the first."""
        deployment = self._context.records.get(Deployment, DEPLOYMENT)
        known = deployment.present.other_documents
        if not known:
            store = deployment.present.target
            emit(
                Event.OTHER_DEPLOYMENT,
                f"Another deployment writes documents like ours to {store}: imports stop.",
                store=store,
                documents=len(names),
            )
        merged = tuple(dict.fromkeys((*known, *names)))[:MOST_KEPT]
        self._context.records.change(
            Deployment,
            DEPLOYMENT,
            lambda stored: replace(stored.present, other_documents=merged),
            known=deployment,
        )

    def _is_recent(self, document: StoredDocument) -> bool:
        began, created = self._began(), document.created_at
        if began is None or created is None:
            return False
        kept = self._context.clock.now() - self._context.rules.retention
        return created > max(began, kept)

    def _is_ours(self, document: StoredDocument) -> bool:
        """Whether an import of the ledger made it, or may have made it."""
        query = queries.imports_of_key(document.key)
        records = self._context.records
        found = records.query(LedgerEntry, query)
        damaged = [each.damage.fields for each in records.damaged.values() if each.damage]
        record = records.get(FileRecord, file_path(document.path)).record if found else None
        imports = [ledger.known(each.present, record) for each in found]
        return any(_may_have_made(each, document) for each in imports) or any(
            fields.get("content_key") == document.key for fields in damaged
        )

    def _began(self) -> datetime | None:
        """When our records began, read once."""
        if self._since is None:
            known = self._context.records.get(Deployment, DEPLOYMENT).record
            self._since = known.created_at if known else None
        return self._since


def _may_have_made(entry: LedgerEntry, document: StoredDocument) -> bool:
    """Whether the import made the document; so may one that left no other document.

    A document has the id of its import's operation.
    """
    operation = (entry.operation or "").rpartition("/")[2]
    if operation and operation == document.name.rpartition("/")[2]:
        return True
    return entry.document == document.name or (entry.document is None and not entry.refused)


def message(documents: Sequence[str]) -> str:
    """What is wrong, and what a person has to do."""
    named = ", ".join(documents[:MOST_NAMED])
    named += ", …" if len(documents) > MOST_NAMED else ""
    return (
        f"another deployment writes documents with this deployment's owner tag ({named}), which no "
        "import of the ledger made, so both would pay for each change: nothing is imported. Stop "
        "the other one, or give it another DEPLOYMENT; then start a sync with mode reconcile (fss "
        "reconcile), which takes the documents over and imports again. Do the same after the "
        "database was restored from a backup"
    )
