"""The ports, with their adapters over Google's clients."""

from __future__ import annotations

import random
import uuid
from datetime import timedelta

from shared.composition.records import records
from shared.config import SyncSettings
from shared.gateways.at_once import Threads
from shared.gateways.clock import SystemClock
from shared.services.context import Context

GEMINI_TIMEOUT = timedelta(seconds=60)
"""Time for a whole call, without what an upload's size takes. Divided by the time scale, so that a
slow import can't take effect after the import's deadline."""

LEAST_GEMINI_TIMEOUT = timedelta(seconds=5)
"""The shortest timeout that a time scale may lead to."""


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
