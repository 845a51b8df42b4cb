"""The record of a deployment: the bucket that its database belongs to, and its stores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment that the records belong to, at ``meta/deployment``.

    A sync with another bucket, prefix or deployment name is refused.
    """

    bucket: str
    prefix: str
    deployment: str
    store: str
    owner: str
    schema_version: int = 1
    created_at: datetime | None = None
    # The drift that the last complete reconcile left, mostly foreign documents. The same drift
    # does not cause another listing of the store.
    known_drift: int = 0
    # When the whole store was last listed and compared with the records.
    reconciled_at: datetime | None = None
    # Whether the records must be rebuilt from the store; stays set until that is complete.
    unreconciled: bool = False
    # Digest of the settings under which imports were last let through; empty if that isn't known.
    imported_settings: str = ""
    # Documents with our owner tag that another deployment made; while there are any, nothing is
    # imported. A reconcile that a person asks for empties it.
    other_documents: tuple[str, ...] = ()
    # The display name by which ``store`` was found; empty in records of an earlier version.
    store_name: str = ""
    # Resource names, as ``store``: the store being filled, and the one before the cut-over.
    next_store: str = ""
    previous_store: str = ""
    # A store that is gone and was replaced, while files that were on their way into it or out of it
    # still have to start anew; otherwise empty.
    lost_store: str = ""

    def is_to_be_listed(self, now: datetime, every: timedelta) -> bool:
        """Whether the whole store was last listed ``every`` or longer ago."""
        last = self.reconciled_at or self.created_at
        return last is None or now - last >= every

    def replacing_lost(self, store: str, store_name: str) -> Deployment:
        """With another store in place of the target, which is gone.

        If the target was being filled, the deployment's store goes on serving until the other one
        is filled. Otherwise there is nothing left to serve.
        """
        changed = replace(self, lost_store=self.target, store_name=store_name, known_drift=0)
        if self.next_store:
            return replace(changed, next_store=store)
        return replace(changed, store=store)

    @property
    def target(self) -> str:
        """Resource name of the store that syncs write to."""
        return self.next_store or self.store
