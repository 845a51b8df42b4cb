from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest

from shared.gateways.database.firestore import FirestoreDocuments
from tests.emulator import emulator_host, firestore_documents
from tests.twins.clock import ManualClock
from tests.twins.documents import MemoryDocuments

__all__ = ["documents", "emulator_host", "firestore_documents"]


@pytest.fixture(params=["memory", "firestore"])
def documents(request: pytest.FixtureRequest) -> MemoryDocuments | FirestoreDocuments:
    """An empty ``DocumentStore``: the twin, then the real one."""
    if request.param == "memory":
        return MemoryDocuments(ManualClock(datetime(2026, 3, 1, 12, tzinfo=UTC)))
    return cast("FirestoreDocuments", request.getfixturevalue("firestore_documents"))
