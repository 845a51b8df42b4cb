"""The simulated project: its files, stores and documents, with the clock and quota they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from local.gemini.clock import Clock, WallClock, timestamp
from local.gemini.resources.answers import Answers
from local.gemini.resources.documents import Document, Documents
from local.gemini.resources.files import File, Files
from local.gemini.resources.imports import Imports, Trouble
from local.gemini.resources.operations import Operation, Operations
from local.gemini.resources.storage import Contents, Database, Table
from local.gemini.resources.stores import Store, Stores
from local.gemini.resources.uploads import Upload, Uploads
from local.gemini.settings import Pace, Settings
from local.gemini.traffic.faults import FaultRule, Faults
from local.gemini.traffic.quota import Quota, QuotaLimits
from local.gemini.traffic.request_log import RequestLog
from local.gemini.wire.messages import JsonObject

_DAY_COUNTERS = ("quota_day", "quota_day_used")


class Simulator:
    """All state of the simulated service.

    Nothing here runs by itself: a resource carries the times at which it changes, and its state
    is worked out from the clock when somebody looks.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        limits: QuotaLimits | None = None,
        faults: Sequence[FaultRule] = (),
        clock: Clock | None = None,
        state: Path | None = None,
    ) -> None:
        """Start with what the state file holds, or with nothing.

        Args:
            settings: Latencies and the like.
            limits: The project's quota; without it nothing is limited.
            faults: Orders in force from the start.
            clock: The time; the machine's by default.
            state: The SQLite file to go on with and to write to; None keeps nothing.
        """
        self.settings = settings or Settings()
        self.clock = clock or WallClock()
        self.database = Database(state)
        self.quota = Quota(limits or QuotaLimits(), self.settings.time_scale)
        day, used = (self.database.counter(name) for name in _DAY_COUNTERS)
        self.quota.restore_day(day, used)
        self.log = RequestLog(self.settings.time_scale)
        self._first_faults = tuple(faults)
        self.faults = Faults(faults, self.settings.seed)
        self.pace = Pace(self.settings)
        self._load()

    def _load(self) -> None:
        settings, database, clock = self.settings, self.database, self.clock
        operations = Table(database, Operation)
        self.contents = Contents(database)
        self.files = Files(
            Table(database, File), self.contents, clock, self.pace, settings.file_ttl_s
        )
        self.uploads = Uploads(Table(database, Upload), self.contents, clock, settings.keep_bytes)
        self.documents = Documents(Table(database, Document), self.contents, clock, database)
        self.stores = Stores(Table(database, Store), self.documents, operations, clock)
        self.operations = Operations(operations, clock)
        self.imports = Imports(
            self.documents,
            operations,
            self.quota,
            clock,
            self.pace,
            full_names=settings.full_names,
        )
        self.answers = Answers(self.stores, self.documents, self.contents, clock)

    def fault_delay_s(self, fault: FaultRule) -> float:
        """Return the delay of a fault as the clock runs."""
        return self.pace.scaled_s(fault.delay_s)

    def trouble(self, fault: FaultRule | None) -> Trouble:
        """Return what a fault does to an import."""
        return Trouble(fault.kind, self.fault_delay_s(fault)) if fault else Trouble()

    def save_day(self) -> None:
        """Keep the day's usage over a restart."""
        for name, value in zip(_DAY_COUNTERS, self.quota.day_usage, strict=True):
            self.database.set_counter(name, value)

    def reset(self, *, resources: bool = True, stats: bool = True, faults: bool = True) -> None:
        """Go back to the start.

        Args:
            resources: Delete all files, stores, documents, operations and quota usage.
            stats: Empty the request log and its counts.
            faults: Put back the orders given at the start.
        """
        if resources:
            with self.database.transaction():
                self.database.clear()
            self.quota.clear()
            self._load()
        if stats:
            self.log.clear()
        if faults:
            self.faults = Faults(self._first_faults, self.settings.seed)

    def stats(self) -> JsonObject:
        """Return the counts of requests, and of what there is now."""
        now = self.clock.now()
        self.files.purge()
        states = Counter(document.state(now).value for document in self.documents.table)
        return {
            **self.log.stats(),
            "imports_total": self.documents.imports,
            "documents": dict(states),
            "documents_total": len(self.documents.table),
            "stored_bytes": self.documents.stored_bytes,
            "raw_files": len(self.files.table),
            "stores": len(self.stores.table),
            "quota_used_today": self.quota.day_usage[1],
        }

    def describe_documents(self) -> list[JsonObject]:
        """Return every document, with what the API does not tell of it."""
        now = self.clock.now()
        return [
            {
                **document.to_json(now),
                "fileSearchStore": document.store,
                "sourceFile": document.source,
                "sha256": document.sha256,
                "settlesAt": None
                if document.settles_at is None
                else timestamp(document.settles_at),
            }
            for document in self.documents.table
        ]

    def close(self) -> None:
        """Close the state file."""
        self.database.close()
