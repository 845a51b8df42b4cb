"""The typed records over Firestore: all that a function needs which only reads."""

from __future__ import annotations

from shared.config import CommonSettings
from shared.gateways.clock import SystemClock
from shared.gateways.database.records import Records


def records(settings: CommonSettings, database: str = "") -> Records:
    """The typed records over Firestore, of the deployment's database if none is named."""
    from shared.gateways.database.firestore import FirestoreDocuments

    name = database or settings.firestore_database
    return Records(FirestoreDocuments.connect(settings.project_id, name), SystemClock())
