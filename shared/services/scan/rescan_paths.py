"""The files whose pages must be scanned again, whatever is remembered of them."""

from __future__ import annotations

from shared.domain.file.record import FileRecord
from shared.domain.file.setting_aside import UNKNOWN_PATHS
from shared.gateways.database import queries
from shared.services.context import Context

MOST_RESCAN_PATHS = 1000
"""With this many paths to scan again, no remembered page is used."""


class RescanPaths:
    """Paths to scan again: a worker re-read their objects, so remembered pages may be stale."""

    def __init__(self, context: Context) -> None:
        found = context.records.query(FileRecord, queries.to_rescan(MOST_RESCAN_PATHS))
        self._paths = [stored.present.path for stored in found]

    @property
    def counts(self) -> dict[str, int]:
        """The count of records that were set aside without a path; empty without any."""
        unknown = self._paths.count("")
        return {UNKNOWN_PATHS: unknown} if unknown else {}

    def __call__(self, start: str, end: str) -> bool:
        """Whether any may be in start <= path < end; an empty bound means none.

        One of an unknown path may be anywhere.
        """
        too_many = len(self._paths) >= MOST_RESCAN_PATHS or "" in self._paths
        return too_many or any(start <= path and (not end or path < end) for path in self._paths)
