from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest

from shared.gateways.database.firestore import FirestoreDocuments
from tests.emulator import emulator_host, firestore_documents, needs_emulator
from tests.firestore_server import served_documents, served_firestore
from tests.twins.clock import ManualClock
from tests.twins.documents import MemoryDocuments

__all__ = [
    "documents",
    "emulator_host",
    "firestore_documents",
    "needs_emulator",
    "served_documents",
    "served_firestore",
]


@pytest.fixture(params=["memory", "server", "emulator"])
def documents(request: pytest.FixtureRequest) -> MemoryDocuments | FirestoreDocuments:
    """An empty ``DocumentStore``: the twin, then the real one on each of two servers."""
    if request.param == "memory":
        return MemoryDocuments(ManualClock(datetime(2026, 3, 1, 12, tzinfo=UTC)))
    served = {"server": "served_documents", "emulator": "firestore_documents"}[request.param]
    return cast("FirestoreDocuments", request.getfixturevalue(served))
