"""The deployment's record while a batch runs, which makes it anew if it is lost or damaged."""

from __future__ import annotations

from shared.domain.batch.batch import Batch
from shared.domain.deployment.deployment import Deployment
from shared.gateways.database.records import DEPLOYMENT, Stored
from shared.services.context import Context


def new_deployment(context: Context, store: str, imported_settings: str) -> Deployment:
    """The record of a deployment that begins with this store (its resource name)."""
    settings = context.rules.settings
    return Deployment(
        bucket=settings.bucket,
        prefix=settings.prefix,
        deployment=settings.deployment,
        store=store,
        owner=settings.owner,
        store_name=settings.store_name,
        created_at=context.clock.now(),
        imported_settings=imported_settings,
    )


def present_deployment(context: Context, batch: Batch) -> Stored[Deployment]:
    """The deployment's record; if there is none that can be read, one with the batch's store."""

    def decide(stored: Stored[Deployment]) -> Deployment | None:
        if stored.record is not None and stored.record.target:
            return None
        imported = batch.imported_settings
        digest = context.rules.settings.scan_digest if imported is None else imported
        return new_deployment(context, batch.store, digest)

    return context.records.change(Deployment, DEPLOYMENT, decide)
