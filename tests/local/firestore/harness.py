"""The official client on a local server, and the server as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from google.cloud import firestore

ROOT = Path(__file__).parents[3]

INDEXES: dict[str, Any] = {
    "indexes": [
        {
            "collectionGroup": "files",
            "queryScope": "COLLECTION",
            "fields": [
                {"fieldPath": "status", "order": "ASCENDING"},
                {"fieldPath": "n", "order": "DESCENDING"},
            ],
        },
        {
            "collectionGroup": "files",
            "queryScope": "COLLECTION_GROUP",
            "fields": [
                {"fieldPath": "tags", "arrayConfig": "CONTAINS"},
                {"fieldPath": "n", "order": "ASCENDING"},
            ],
        },
    ],
    "fieldOverrides": [
        {
            "collectionGroup": "files",
            "fieldPath": "status",
            "indexes": [{"order": "ASCENDING", "queryScope": "COLLECTION"}],
        },
        {"collectionGroup": "files", "fieldPath": "*", "indexes": []},
        {"collectionGroup": "files", "fieldPath": "ends", "ttl": True, "indexes": []},
    ],
}


def client_of(host: str, project: str = "p", database: str = "(default)") -> firestore.Client:
    """A client of a server; it has no credentials."""
    with mock.patch.dict("os.environ", FIRESTORE_EMULATOR_HOST=host):
        return firestore.Client(project=project, database=database)


@contextmanager
def process(*options: str | Path) -> Iterator[tuple[subprocess.Popen[str], firestore.Client]]:
    """A server that the test may kill, and a client of it."""
    command = [sys.executable, "-m", "local.firestore", *map(str, options)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        try:
            with closing(client_of(json.loads(started.stdout.readline())["grpc"])) as client:
                yield started, client
        finally:
            started.kill()
