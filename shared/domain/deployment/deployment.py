"""What a database belongs to, and which stores its deployment uses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Deployment:
    """What the records belong to, at ``meta/deployment``: a mismatch is refused."""

    bucket: str
    prefix: str
    deployment: str
    store: str
    owner: str
    schema_version: int = 1
    created_at: datetime | None = None
    # What no reconcile could explain away, foreign documents mostly: it is looked into once.
    known_drift: int = 0
    # When a listing of the whole store was last complete, and compared with the records.
    reconciled_at: datetime | None = None
    # Records are to be rebuilt from the store, however often that is cut short.
    unreconciled: bool = False
    # The display name by which ``store`` was found; empty in records of an earlier version.
    store_name: str = ""
    # A store that is being filled, and one that was left: names as ``store``.
    next_store: str = ""
    previous_store: str = ""

    def is_to_be_listed(self, now: datetime, every: timedelta) -> bool:
        """Whether its store was not listed for so long that counts alone are not to be trusted."""
        last = self.reconciled_at or self.created_at
        return last is None or now - last >= every

    @property
    def target(self) -> str:
        """The store that syncs work on."""
        return self.next_store or self.store
