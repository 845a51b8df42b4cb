"""The record of a deployment: the bucket that its database belongs to, and its stores."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.domain.reconcile.scan_count import Settled
from shared.domain.reconcile.store_count import CountTrust


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment that the records belong to, at ``meta/deployment``.

    A sync with another bucket, prefix or deployment name is refused.
    """

    bucket: str
    prefix: str
    deployment: str
    store: str = ""  # empty if the record was damaged: then it is found by its display name
    owner: str = ""
    schema_version: int = 1
    created_at: datetime | None = None
    # The foreign documents that the last complete listing showed. As much drift is explained.
    known_drift: int = 0
    # What is known of the store's own count.
    count_trust: CountTrust = field(default_factory=CountTrust)
    # The last end of a sync at which everything agreed; None if it isn't known.
    settled: Settled | None = None
    # Whether the last sync ended with fewer records than its scan had counted. Then the next one
    # counts the records of each range.
    recount: bool = False
    # When the whole store was last listed and compared with the records.
    reconciled_at: datetime | None = None
    # Whether the records must be rebuilt from the store; stays set until that is complete.
    unreconciled: bool = False
    # When the first change was made that earlier syncs found and left to later ones; None if they
    # left none.
    oldest_left: datetime | None = None
    # Whether files were set aside when the last sync ended, so that the store is to be listed.
    sets_aside: bool = False
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
        changed = replace(
            self,
            lost_store=self.target,
            store_name=store_name,
            known_drift=0,
            count_trust=CountTrust(),
            settled=None,
        )
        if self.next_store:
            return replace(changed, next_store=store)
        return replace(changed, store=store)

    @property
    def target(self) -> str:
        """Resource name of the store that syncs write to."""
        return self.next_store or self.store
