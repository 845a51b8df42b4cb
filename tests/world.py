"""A whole deployment for tests: the real services on in-memory twins, with a clock of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from local.firestore.indexes.index_set import IndexSet
from local.terraform.firestore_indexes import firestore_indexes
from shared.domain.batch.batch import Batch
from shared.domain.batch.request import SyncRequest
from shared.domain.deployment.rules import Rules
from shared.domain.deployment.settings import Settings
from shared.domain.file.record import FileRecord
from shared.domain.throttle.tiers import tier_named
from shared.gateways.database.records import Records, batch_path, file_path
from shared.gateways.ports import Document, Query, QueueName, Task
from shared.services.batch.ask_sync import AskSync
from shared.services.batch.control import ControlBatch
from shared.services.batch.start import StartSync
from shared.services.batch.supervise import Supervise
from shared.services.context import Context
from shared.services.health import Health
from shared.services.looks.poller import Poller
from shared.services.report.report import Report
from shared.services.scan.scan_bucket import ScanBucket
from shared.services.worker.advance_file import AdvanceFile
from tests.twins.at_once import one_by_one
from tests.twins.bucket import MemoryBucket
from tests.twins.clock import ManualClock
from tests.twins.documents import MemoryDocuments
from tests.twins.gemini import MemoryGemini
from tests.twins.tasks import MemoryTasks

SETTINGS = Settings(
    bucket="library",
    deployment="test",
    store_display_name="test store",
    tier=tier_named("tier3"),
    expected_fields=(),
)

RULES = Rules(settings=SETTINGS)

INDEXES = IndexSet.from_json(firestore_indexes())
"""Those of terraform/modules/firestore/indexes.tf: a query without its index fails the first test
that makes it."""


@dataclass
class World:
    """Ports, use cases, and a loop that plays the part of Cloud Tasks and Scheduler.

    ``has_many`` is for thousands of files, see ``MemoryDocuments``.
    """

    rules: Rules = RULES
    clock: ManualClock = field(default_factory=ManualClock)
    has_many: bool = False

    def __post_init__(self) -> None:
        self.documents = MemoryDocuments(self.clock, INDEXES, are_many=self.has_many)
        self.queues = MemoryTasks(self.clock)
        self.bucket = MemoryBucket(self.clock)
        self.gemini = MemoryGemini(self.clock)
        self.records = Records(self.documents, self.clock)
        ids = itertools.count(1)
        self.use(
            Context(
                rules=self.rules,
                records=self.records,
                queues=self.queues,
                bucket=self.bucket,
                gemini=self.gemini,
                at_once=one_by_one,
                clock=self.clock,
                new_id=lambda: f"{next(ids):06d}",
                jitter=lambda: 0.5,
            )
        )
        self.report = Report(self.records, self.rules.breaker)
        self.deliveries: list[tuple[datetime, QueueName, int]] = []
        self._next_tick = self.clock.now()

    def use(self, context: Context) -> None:
        """Build the use cases with this context."""
        self.context = context
        self.start = StartSync(context)
        self.ask_sync = AskSync(context)
        self.scan = ScanBucket(context)
        self.supervise = Supervise(context)
        self.control = ControlBatch(context)
        self.health = Health(context, "AQ.key", simulated=True)
        self.advance = AdvanceFile(context)
        self.look = Poller(context)

    def context_with(self, **changes: Any) -> Context:
        """The same ports with other settings or times."""
        return replace(self.context, rules=changed_rules(self.context.rules, **changes))

    # --- running ----------------------------------------------------------------------------

    def deliver(self, task: Task) -> None:
        """Deliver a task, and acknowledge it when its handler returns."""
        metered = self.gemini.metered
        handlers: dict[str, Callable[[Mapping[str, Any]], object]] = {
            "/step": self.advance,
            "/looks": self.look,
            "/control/scan": self.scan,
            "/control/supervise": lambda _: self.supervise(),
        }
        handlers[task.path](task.payload)
        self.queues.acknowledge(task)
        self.deliveries.append((self.clock.now(), task.queue, self.gemini.metered - metered))

    def step(self) -> None:
        """Run what is due next: a tick of Scheduler, or a task."""
        due = self.queues.next_due()
        if due is None or due > self._next_tick:
            self._advance_to(self._next_tick)
            self._next_tick += self.rules.tick
            self.supervise()
            return
        self._advance_to(due)
        self.deliver(self.queues.due(self.clock.now())[0])

    def _advance_to(self, at: datetime) -> None:
        if at > self.clock.now():
            self.clock.set(at)

    def run(self, batch: Batch, within: timedelta = timedelta(hours=12)) -> Batch:
        """Run until the batch is over; fails if that takes longer than ``within``."""
        end = self.clock.now() + within
        while True:
            stored = self.records.get(Batch, batch_path(batch.batch_id)).present
            if stored.status.is_terminal:
                return stored
            assert self.clock.now() < end, f"{stored.status} {stored.phase} {stored.message}"
            self.step()

    def sync(self, **request: Any) -> dict[str, Any]:
        """Run one sync and return its summary."""
        batch = self.run(self.start(SyncRequest(**request)))
        summary = self.report.batch(batch.batch_id)
        assert summary is not None
        return summary

    # --- input and results ------------------------------------------------------------------

    def put(self, files: Mapping[str, bytes | str]) -> None:
        for name, content in files.items():
            self.bucket.put(name, content.encode() if isinstance(content, str) else content)

    def file(self, path: str) -> FileRecord:
        return self.records.get(FileRecord, file_path(path)).present

    def files(self) -> list[FileRecord]:
        found = self.records.query(FileRecord, Query("files", order_by=("path",)))
        return [stored.present for stored in found]

    def store_documents(self) -> list[Document]:
        found: list[Document] = []
        token = ""
        for store in self.gemini.list_stores().stores:
            while True:
                page = self.gemini.list_documents(store.name, token)
                found += page.documents
                token = page.next_page_token
                if not token:
                    break
        return found

    def stored_paths(self) -> list[str]:
        return sorted(str(document.metadata["path"]) for document in self.store_documents())


def rules(**changes: Any) -> Rules:
    return changed_rules(RULES, **changes)


def changed_rules(given: Rules, **changes: Any) -> Rules:
    """The rules with changes; each name is a setting or a field of ``Rules``."""
    chosen = {name: changes.pop(name) for name in [*changes] if name in Settings.model_fields}
    settings = given.settings.model_copy(update=chosen)
    return replace(given, settings=settings, **changes)
