from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from google.cloud import firestore  # noqa: TC002 - fixtures are looked at by their types

from tests.contract.servers import local_server
from tests.firestore_server import served_firestore
from tests.local.firestore.harness import INDEXES, client_of

__all__ = ["served_firestore"]


@pytest.fixture
def client(served_firestore: dict[str, str]) -> Iterator[firestore.Client]:
    """The official client of an empty database whose queries need no indexes."""
    with closing(client_of(served_firestore["grpc"], f"p-{uuid.uuid4().hex}")) as client:
        yield client


@pytest.fixture(scope="session")
def indexed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    file = tmp_path_factory.mktemp("indexes") / "firestore.indexes.json"
    file.write_text(json.dumps(INDEXES))
    with local_server("local.firestore", "--indexes", str(file)) as ready:
        yield ready


@pytest.fixture
def indexed(indexed_server: dict[str, str]) -> Iterator[firestore.Client]:
    """The official client of an empty database whose queries need the indexes of the harness."""
    with closing(client_of(indexed_server["grpc"], f"p-{uuid.uuid4().hex}")) as client:
        yield client
