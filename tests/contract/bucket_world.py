"""The bucket in two worlds: the twin, and the adapter before a server."""

from __future__ import annotations

import uuid
from typing import Protocol

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from shared.domain.source.object_info import ObjectInfo
from shared.gateways.cloud_storage.bucket import CloudStorage
from shared.gateways.ports import Bucket
from tests.twins.bucket import MemoryBucket
from tests.twins.clock import ManualClock


class BucketWorld(Protocol):
    counts_metagenerations: bool

    @property
    def bucket(self) -> Bucket: ...

    def put(self, name: str, content: bytes, **metadata: str) -> ObjectInfo: ...

    def touch_metadata(self, name: str, **metadata: str) -> ObjectInfo: ...

    def delete(self, name: str) -> None: ...


class MemoryBucketWorld:
    counts_metagenerations = True

    def __init__(self) -> None:
        self.bucket = MemoryBucket(ManualClock())

    def put(self, name: str, content: bytes, **metadata: str) -> ObjectInfo:
        return self.bucket.put(name, content, metadata=metadata)

    def touch_metadata(self, name: str, **metadata: str) -> ObjectInfo:
        return self.bucket.touch_metadata(name, metadata)

    def delete(self, name: str) -> None:
        self.bucket.delete(name)


class ServedBucketWorld:
    # fake-gcs-server leaves the metageneration at 1 whatever is changed.
    counts_metagenerations = False

    def __init__(self, url: str) -> None:
        self.client = storage_client(url)
        self._raw = self.client.create_bucket(f"contract-{uuid.uuid4().hex[:12]}")
        self.bucket = CloudStorage(self.client, self._raw.name)

    def put(self, name: str, content: bytes, **metadata: str) -> ObjectInfo:
        blob = self._raw.blob(name)
        blob.metadata = metadata
        blob.upload_from_string(content, content_type="text/plain")
        return self._stat(name)

    def touch_metadata(self, name: str, **metadata: str) -> ObjectInfo:
        blob = self._raw.get_blob(name)
        blob.metadata = metadata
        blob.patch()
        return self._stat(name)

    def delete(self, name: str) -> None:
        self._raw.blob(name).delete()

    def _stat(self, name: str) -> ObjectInfo:
        info = self.bucket.stat(name)
        assert info is not None
        return info


def storage_client(url: str) -> storage.Client:
    return storage.Client(
        project="contract",
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=url),
    )
