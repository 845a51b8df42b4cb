"""Firestore's emulator as fixtures; a conftest that wants them imports them by name."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from unittest import mock

import pytest
from google.cloud import firestore

from local.firestore_emulator.emulator import FirestoreEmulator
from local.firestore_emulator.emulator_install import installed
from shared.gateways.database.firestore import FirestoreDocuments
from tests.patience import PATIENCE

REQUIRE_EMULATOR = "REQUIRE_EMULATOR"
"""The environment variable that, set to 1, has a missing emulator fetched, or the test fail."""


@pytest.fixture(scope="session")
def needs_emulator() -> None:
    """Skip the test where Google's emulator isn't installed."""
    if os.environ.get(REQUIRE_EMULATOR) != "1" and installed() is None:
        pytest.skip(
            "Google's Firestore emulator or its Java is not on this machine "
            f"({REQUIRE_EMULATOR}=1 fetches it)"
        )


@pytest.fixture(scope="session")
def emulator_host(needs_emulator: None) -> Iterator[str]:  # noqa: ARG001 - skips
    """``127.0.0.1:PORT`` of one emulator for all tests; each test takes a project of its own."""
    with FirestoreEmulator() as emulator:
        yield emulator.host


@pytest.fixture
def firestore_documents(emulator_host: str) -> Iterator[FirestoreDocuments]:
    """An empty database of the emulator."""
    with closing(empty_database(emulator_host)) as documents:
        yield documents


def empty_database(host: str) -> FirestoreDocuments:
    """A new, empty database on a server, which knows no projects and refuses none."""
    with mock.patch.dict("os.environ", FIRESTORE_EMULATOR_HOST=host):
        client = firestore.Client(project=f"demo-{uuid.uuid4().hex}", database="(default)")
    return FirestoreDocuments(client, patience=PATIENCE)
