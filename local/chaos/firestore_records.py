"""Reads records from Firestore without the code under test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

from google.cloud import firestore

from local.stack.urls import StackUrls


class Database:
    """Reads a stack's documents as plain dictionaries."""

    def __init__(self, urls: StackUrls) -> None:
        with mock.patch.dict("os.environ", FIRESTORE_EMULATOR_HOST=urls.firestore):
            self._client = firestore.Client(project=urls.project)

    def document(self, path: str) -> dict[str, Any] | None:
        """Return a document's fields; None if there is no such document."""
        return self._client.document(path).get().to_dict()

    def collection(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield the fields of each document of a collection."""
        for snapshot in self._client.collection(path).stream():
            yield snapshot.to_dict() or {}
