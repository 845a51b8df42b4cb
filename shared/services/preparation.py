"""Before a sync: the store it works on, and whether the records know what is in it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from shared.domain.batches import Batch, Deployment
from shared.domain.errors import Denied, NotFound, Refused
from shared.gateways import queries
from shared.gateways.ports import Store
from shared.gateways.records import DEPLOYMENT, creating
from shared.services.context import Context
from shared.services.store import DeploymentStore


@dataclass(frozen=True, slots=True)
class Prepared:
    """The store's resource name (empty: a dry run, and there is none yet)."""

    name: str
    reconciles: bool = False


class Preparation:
    """Finds or makes the store, and notes what the records belong to."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stores = DeploymentStore(context)

    def __call__(self, batch: Batch) -> Prepared:
        """The store. Documents that no record knows are for a reconcile first.

        ``force`` leaves them alone, and everything is imported beside them.

        Raises:
            Refused: the store is not to be had, or of another embedding model.
            GatewayError: the store can't be read: nothing is known.
        """
        deployment = self._context.records.get(Deployment, DEPLOYMENT).record
        if deployment is not None:
            store: Store | None = self._known(deployment.store)
        else:
            store = self._stores.find() if batch.dry_run else self._stores.ensure()
        if store is None:
            return Prepared("")
        self._check_model(store)
        if deployment is None and not batch.dry_run:
            self._note(store)
        reconciles = bool(store.documents) and not batch.force and not self._has_records()
        return Prepared(store.name, reconciles)

    def _known(self, name: str) -> Store:
        """The store that the records belong to."""
        gemini = self._context.gemini
        with suppress(Denied, NotFound):
            return gemini.get_store(name)
        gemini.list_stores()  # fails where the account is at fault, and then that is said
        try:
            return gemini.get_store(name)
        except (Denied, NotFound) as error:
            raise Refused(
                f"{name} is gone or not this key's to read ({error}). Restore the key, or delete "
                "the records (the Firestore database) to fill a new store"
            ) from error

    def _check_model(self, store: Store) -> None:
        asked = self._context.rules.embedding_model
        if asked and _model(asked) != _model(store.embedding_model):
            raise Refused(
                f"{store.name} was made for {store.embedding_model}, and EMBEDDING_MODEL is "
                f"{asked}: set it back, or choose a new STORE_DISPLAY_NAME"
            )

    def _has_records(self) -> bool:
        return bool(self._context.records.documents.query(queries.with_document(limit=1)))

    def _note(self, store: Store) -> None:
        context, rules = self._context, self._context.rules
        record = Deployment(
            bucket=rules.bucket,
            prefix=rules.prefix,
            deployment=rules.deployment,
            store=store.name,
            owner=rules.owner,
            created_at=context.clock.now(),
        )
        context.records.documents.commit([creating(DEPLOYMENT, record)])


def _model(name: str) -> str:
    return name.removeprefix("models/")
