"""The real engine against the same service, on the in-memory twins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.errors import QuotaKind, SyncError, Throttled, Unavailable
from shared.domain.file.record import FileStatus
from shared.gateways.database import queries
from tests.benchmarks.latencies import Latencies
from tests.benchmarks.quota.service import HOUR, QuotaService, Refusal
from tests.rated_world import RatedWorld
from tests.simulation.world.stage import START

SCHEDULE = 6 * HOUR
"""Seconds between two syncs that are started, as in production, from midnight on."""

STARTS_AT = START.hour * HOUR
"""The time of day at which a run begins."""


@dataclass(frozen=True, slots=True)
class _Clocked:
    """The service, asked with times of a world."""

    service: QuotaService

    def refusal(self, call: str, now: datetime) -> SyncError | None:
        found = self.service.refusal(call, (now - START).total_seconds())
        name = f"gemini.{call}"
        match found:
            case None:
                return None
            case Refusal.UNAVAILABLE:
                return Unavailable(name, code=503)
            case Refusal.DAY:
                return Throttled(name, quota=QuotaKind.DAY)
            case Refusal.RATE:
                return Throttled(name)


class Engine:
    """A deployment with so many files to index, and a sync every six hours if none runs."""

    def __init__(self, tier: str, files: int, service: QuotaService, **changes: Any) -> None:
        given = {"max_imports_in_progress": None, **changes}
        self._rated = RatedWorld(tier, files, service=_Clocked(service), has_many=True, **given)
        Latencies(self._rated, service.behaviour.import_seconds)
        self._next_sync = SCHEDULE - STARTS_AT % SCHEDULE

    def play_to(self, end: float) -> None:
        """Play until so many seconds have passed since the start of the run."""
        while self._next_sync <= end:
            self._play_to(self._next_sync)
            self._next_sync += SCHEDULE
            if self._rated.is_over():
                self._rated.start()
        self._play_to(end)

    def _play_to(self, end: float) -> None:
        self._rated.play_for(START + timedelta(seconds=end) - self._rated.stage.now())

    def count(self, status: FileStatus) -> int:
        """How many files have this status."""
        return self._rated.world.documents.count(queries.with_status(status))

    def close(self) -> None:
        """End what is under way."""
        self._rated.close()
