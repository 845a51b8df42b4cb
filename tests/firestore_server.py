"""The local Firestore as fixtures; a conftest that wants them imports them by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from shared.gateways.database.firestore import FirestoreDocuments
from tests.contract.servers import local_server
from tests.emulator import empty_database


@pytest.fixture(scope="session")
def served_firestore() -> Iterator[dict[str, str]]:
    """The addresses of one server for all tests; each test takes a project of its own."""
    with local_server("local.firestore") as ready:
        yield ready


@pytest.fixture
def served_documents(served_firestore: dict[str, str]) -> Iterator[FirestoreDocuments]:
    """An empty database of the local Firestore, whose queries need no indexes."""
    with closing(empty_database(served_firestore["grpc"])) as documents:
        yield documents
