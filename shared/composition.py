"""The composition root: builds the use cases from the settings, with Google's clients.

The only module that knows both the use cases and the adapters behind their ports.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from shared.config import AskSettings, CommonSettings, StatusSettings, SyncSettings
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.time_scale import scaled
from shared.gateways.at_once import Threads
from shared.gateways.clock import SystemClock
from shared.gateways.database.records import Records
from shared.services.ask.ask_store import AskStore
from shared.services.batch.ask_sync import AskSync
from shared.services.batch.control import ControlBatch
from shared.services.batch.start import StartSync
from shared.services.batch.supervise import Supervise
from shared.services.context import Context
from shared.services.health import Health
from shared.services.looks.poller import Poller
from shared.services.report.report import Report
from shared.services.scan.scan_bucket import ScanBucket
from shared.services.store.cut_over import CutOver
from shared.services.worker.advance_file import AdvanceFile

if TYPE_CHECKING:
    from flask import Response

    from shared.http.pages import Pages

GEMINI_TIMEOUT = timedelta(seconds=60)
"""Timeout of each connect, read and write of a request. Divided by the time scale, so that a slow
import can't take effect after the import's deadline."""

LEAST_GEMINI_TIMEOUT = timedelta(seconds=5)
"""The shortest timeout that a time scale may lead to."""


def records(settings: CommonSettings, database: str = "") -> Records:
    """The typed records over Firestore, of the deployment's database if none is named."""
    from shared.gateways.database.firestore import FirestoreDocuments

    name = database or settings.firestore_database
    return Records(FirestoreDocuments.connect(settings.project_id, name), SystemClock())


@cache
def report(settings: StatusSettings) -> Report:
    """The read-only use case, which needs Firestore only."""
    policy, schedule = scaled(BreakerPolicy(), settings.time_scale), settings.schedule
    return Report(
        records(settings), policy, lambda now: schedule.next_after(now) if schedule else None
    )


def pages(settings: StatusSettings) -> Pages:
    """The answers for browsers; Jinja's templates are loaded for the first of them only."""
    from shared.http.pages import Pages

    return Pages(report(settings), settings.time_scale)


def page_asset(name: str) -> Response | None:
    """The page's style sheet or script; None if there is none of this name."""
    from shared.http.pages import asset

    return asset(name)


@cache
def ask(settings: AskSettings) -> AskStore:
    """The use case that answers questions."""
    from shared.gateways.gemini.answering import GeminiAnswers

    return AskStore(
        identity=settings,
        limit=settings.max_ask_cost_per_day,
        records=records(settings),
        asked=records(settings, settings.ask_database),
        answers=GeminiAnswers(
            settings.gemini_api_key.get_secret_value(),
            base_url=settings.gemini_base_url,
            timeout=GEMINI_TIMEOUT,
        ),
        clock=SystemClock(),
    )


def context(settings: SyncSettings) -> Context:
    """All ports, with their adapters over Google's clients."""
    from google.cloud import storage

    from shared.gateways.cloud_storage.bucket import CloudStorage
    from shared.gateways.cloud_tasks import CloudTasks
    from shared.gateways.gemini.file_search import GeminiFileSearch

    return Context(
        rules=settings.rules(),
        records=records(settings),
        queues=CloudTasks.connect(
            emulator_host=settings.cloud_tasks_emulator_host,
            project=settings.project_id,
            location=settings.location,
            queue_ids=settings.queue_ids,
            urls=settings.queue_urls,
            service_account=settings.tasks_service_account,
            dispatch_deadline=settings.dispatch_deadline,
        ),
        bucket=CloudStorage(
            storage.Client(project=settings.project_id),
            settings.bucket,
            user_project=settings.billing_project,
        ),
        gemini=GeminiFileSearch(
            settings.gemini_api_key.get_secret_value(),
            base_url=settings.gemini_base_url,
            timeout=max(GEMINI_TIMEOUT / settings.time_scale, LEAST_GEMINI_TIMEOUT),
        ),
        at_once=Threads(),
        clock=SystemClock(),
        new_id=lambda: uuid.uuid4().hex,
        jitter=random.random,
        chunking=settings.chunking,
    )


def preload(*clients: str) -> None:
    """Import client modules at process start, so that it doesn't take up the first request's time.

    The clients themselves are created later: the server forks after this, and gRPC channels don't
    survive a fork.
    """
    for client in clients:
        import_module(client)


@dataclass(frozen=True)
class UseCases:
    """The use cases of one function's process, each created when first used."""

    settings: SyncSettings

    @cached_property
    def _context(self) -> Context:
        return context(self.settings)

    @cached_property
    def start(self) -> StartSync:
        return StartSync(self._context)

    @cached_property
    def ask_sync(self) -> AskSync:
        return AskSync(self._context)

    @cached_property
    def scan(self) -> ScanBucket:
        return ScanBucket(self._context)

    @cached_property
    def supervise(self) -> Supervise:
        return Supervise(self._context)

    @cached_property
    def health(self) -> Health:
        settings = self.settings
        key = settings.gemini_api_key.get_secret_value()
        return Health(self._context, key, simulated=settings.gemini_base_url is not None)

    @cached_property
    def control(self) -> ControlBatch:
        return ControlBatch(self._context)

    @cached_property
    def cut_over(self) -> CutOver:
        return CutOver(self._context)

    @cached_property
    def advance(self) -> AdvanceFile:
        return AdvanceFile(self._context)

    @cached_property
    def look(self) -> Poller:
        return Poller(self._context)
