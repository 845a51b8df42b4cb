"""The simulated project: its files, stores and documents, its clock and its quota."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from local.gemini.clock import Clock, WallClock, timestamp
from local.gemini.resources.answers import Answers
from local.gemini.resources.documents import Document, Documents
from local.gemini.resources.files import File, Files
from local.gemini.resources.imports import ImportFault, Imports
from local.gemini.resources.operations import Operation, Operations
from local.gemini.resources.storage import Contents, Database, Table
from local.gemini.resources.stores import Store, Stores
from local.gemini.resources.uploads import Upload, Uploads
from local.gemini.settings import Latencies, Settings
from local.gemini.traffic.faults import FaultRule, Faults
from local.gemini.traffic.quota import Quota, QuotaLimits
from local.gemini.traffic.request_log import RequestLog
from local.gemini.wire.messages import JsonObject

_DAY_COUNTERS = ("quota_day", "quota_day_used")


class Simulator:
    """All state of the simulated service.

    Nothing runs in the background: a resource holds the times at which it changes, and its state
    is computed from the clock when it is read.
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
        """Load the state file, or start empty.

        Args:
            settings: Latencies and other settings.
            limits: The project's quota; None for no limits.
            faults: The initial fault rules.
            clock: The clock; by default that of the machine.
            state: The SQLite file to load and to write to; None keeps nothing.
        """
        self.settings = settings or Settings()
        self.clock = clock or WallClock()
        self.database = Database(state)
        self.quota = Quota(limits or QuotaLimits(), self.settings.time_scale)
        day, used = (self.database.counter(name) for name in _DAY_COUNTERS)
        self.quota.restore_day(day, used)
        self.log = RequestLog(self.settings.time_scale)
        self.store_figures = self.settings.store_figures
        self._first_faults = tuple(faults)
        self.faults = Faults(faults, self.settings.seed)
        self.latencies = Latencies(self.settings)
        self._load()

    def _load(self) -> None:
        settings, database, clock = self.settings, self.database, self.clock
        operations = Table(database, Operation)
        self.contents = Contents(database)
        self.files = Files(
            Table(database, File), self.contents, clock, self.latencies, settings.file_ttl_s
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
            self.latencies,
            full_names=settings.full_names,
        )
        self.answers = Answers(
            self.stores,
            self.documents,
            self.contents,
            clock,
            bare_citations=settings.bare_citations,
        )

    def forget_unsaved(self) -> None:
        """Return to what the state file has, after it couldn't be written."""
        self._load()

    def fault_delay_s(self, fault: FaultRule) -> float:
        """Return the delay of a fault in seconds of the clock."""
        return self.latencies.scaled_s(fault.delay_s)

    def import_fault(self, fault: FaultRule | None) -> ImportFault:
        """Return what a fault rule does to an import."""
        return ImportFault(fault.kind, self.fault_delay_s(fault)) if fault else ImportFault()

    def save_day(self) -> None:
        """Save the day's usage for the next run."""
        for name, value in zip(_DAY_COUNTERS, self.quota.day_usage, strict=True):
            self.database.set_counter(name, value)

    def reset(self, *, resources: bool = True, stats: bool = True, faults: bool = True) -> None:
        """Return to the initial state.

        Args:
            resources: Delete all files, stores, documents, operations and quota usage; stores count
                as at the start.
            stats: Clear the request log and its counts.
            faults: Restore the initial fault rules.
        """
        if resources:
            with self.database.transaction():
                self.database.clear()
            self.quota.clear()
            self.store_figures = self.settings.store_figures
            self._load()
        if stats:
            self.log.clear()
        if faults:
            self.faults = Faults(self._first_faults, self.settings.seed)

    def stats(self) -> JsonObject:
        """Return the counts of requests, and of the current resources."""
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

    def describe_store(self, store: Store) -> JsonObject:
        """Return a store as the API does, with counts of its documents."""
        documents = self.documents.table.of(store.name)
        return store.to_json(self.clock.now(), documents, self.store_figures)

    def describe_documents(self) -> list[JsonObject]:
        """Return every document, including what the API does not return."""
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
