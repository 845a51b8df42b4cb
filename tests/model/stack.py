"""A deployment on the local stack: the real functions and Google's clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from unittest import mock

from google.cloud import storage

from local.chaos.firestore_records import Database
from local.chaos.persistent_client import Deadline, PersistentClient
from local.chaos.store_listing import list_everything
from local.fss.deployment.http import fetched
from local.stack.local_stack import LocalStack
from local.stack.options import StackOptions
from shared.domain.throttle.tiers import tier_named
from tests.model.library import Entry, stored

TIME_SCALE = 60.0

PATIENCE = 600.0
"""Seconds that the syncs of a story may take in all."""


class Stack:
    """A started stack on which a story is played."""

    def __init__(self, stack: LocalStack, bucket: storage.Bucket) -> None:
        self.urls = stack.urls
        self._syncing = PersistentClient(stack, Deadline(PATIENCE))
        self._gemini = str(stack.urls.gemini)
        self._bucket = bucket

    def put(self, name: str, content: bytes, metadata: dict[str, str]) -> None:
        blob = self._bucket.blob(name)
        blob.metadata = metadata
        blob.upload_from_string(content, "application/octet-stream")

    def touch(self, name: str, metadata: dict[str, str]) -> None:
        blob = self._bucket.get_blob(name)
        removed = dict.fromkeys(blob.metadata or {})
        blob.metadata = {**removed, **metadata}
        blob.patch()

    def delete(self, name: str) -> None:
        self._bucket.blob(name).delete()

    def sync(self, **request: object) -> Mapping[str, Any]:
        given = {name: value for name, value in request.items() if value != ""}
        return self._syncing.sync(**given)

    def metered(self) -> int:
        return int(self._stats()["requests"]["metered"])

    def imports(self) -> int:
        return int(self._stats()["imports_total"])

    def documents(self) -> list[tuple[str, Entry]]:
        simulated = fetched(f"{self._gemini}/_sim/documents")["documents"]
        sent = {document["name"]: str(document["sha256"]) for document in simulated}
        listed = list_everything(self._gemini).documents
        return [stored(document.metadata, sent[document.name]) for document in listed]

    def records(self) -> list[Mapping[str, Any]]:
        return list(Database(self.urls).collection("files"))

    def _stats(self) -> dict[str, Any]:
        return fetched(f"{self._gemini}/_sim/stats")


@contextmanager
def started() -> Iterator[Stack]:
    """A new stack without faults."""
    options = StackOptions(tier=tier_named("tier3"), time_scale=TIME_SCALE)
    with LocalStack(options) as stack:
        urls = stack.urls
        with mock.patch.dict("os.environ", STORAGE_EMULATOR_HOST=urls.storage):
            client = storage.Client(project=urls.project)
        with closing(client):
            yield Stack(stack, client.bucket(urls.bucket))
