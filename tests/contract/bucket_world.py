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
from tests.storage_server.server import StorageServer
from tests.twins.bucket import MemoryBucket
from tests.twins.clock import ManualClock

OWN_KEY = bytes(range(32))
KMS_KEY = "projects/contract/locations/us/keyRings/ring/cryptoKeys/key"


class BucketWorld(Protocol):
    counts_metagenerations: bool

    @property
    def bucket(self) -> Bucket: ...

    def put(self, name: str, content: bytes, **metadata: str) -> ObjectInfo: ...

    def put_encoded(self, name: str, content: bytes, content_encoding: str) -> ObjectInfo: ...

    def touch_metadata(self, name: str, **metadata: str) -> ObjectInfo: ...

    def delete(self, name: str) -> None: ...


class MemoryBucketWorld:
    counts_metagenerations = True

    def __init__(self) -> None:
        self.bucket = MemoryBucket(ManualClock())

    def put(self, name: str, content: bytes, **metadata: str) -> ObjectInfo:
        return self.bucket.put(name, content, metadata=metadata)

    def put_encoded(self, name: str, content: bytes, content_encoding: str) -> ObjectInfo:
        return self.bucket.put(name, content, content_encoding=content_encoding)

    def compose(self, name: str, *parts: str) -> ObjectInfo:
        contents = [self.bucket._content(part, self._stat(part).generation) for part in parts]
        return self.bucket.put(name, b"".join(c or b"" for c in contents), kinds=["crc32c"])

    def put_under_own_key(self, name: str, content: bytes) -> ObjectInfo:
        return self.bucket.put(name, content, kinds=[])

    def touch_metadata(self, name: str, **metadata: str) -> ObjectInfo:
        return self.bucket.touch_metadata(name, metadata)

    def delete(self, name: str) -> None:
        self.bucket.delete(name)

    def _stat(self, name: str) -> ObjectInfo:
        info = self.bucket.stat(name)
        assert info is not None
        return info


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

    def put_encoded(self, name: str, content: bytes, content_encoding: str) -> ObjectInfo:
        blob = self._raw.blob(name)
        blob.content_encoding = content_encoding
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


class StrictBucketWorld(ServedBucketWorld):
    """The adapter before a server that has the service's refusals, and its other kinds of object.

    ``stored`` is the server's bucket, in which tests decide who may read and who pays.
    """

    counts_metagenerations = True

    def __init__(self, server: StorageServer) -> None:
        super().__init__(server.url)
        self.server = server
        self.stored = server.buckets[self._raw.name]

    def compose(self, name: str, *parts: str) -> ObjectInfo:
        self._raw.blob(name).compose([self._raw.blob(part) for part in parts])
        return self._stat(name)

    def put_under_own_key(self, name: str, content: bytes) -> ObjectInfo:
        blob = self._raw.blob(name, encryption_key=OWN_KEY)
        blob.upload_from_string(content, content_type="text/plain")
        return self._stat(name)

    def put_under_kms_key(self, name: str, content: bytes) -> ObjectInfo:
        blob = self._raw.blob(name, kms_key_name=KMS_KEY)
        blob.upload_from_string(content, content_type="text/plain")
        return self._stat(name)

    def let_requester_pay(self, *payers: str) -> None:
        """From now on, requests must name one of ``payers``."""
        self._raw.requester_pays = True
        self._raw.patch()
        self.stored.payers |= set(payers)


def storage_client(url: str) -> storage.Client:
    return storage.Client(
        project="contract",
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=url),
    )
