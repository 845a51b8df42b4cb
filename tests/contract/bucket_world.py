"""The bucket in two worlds: the twin, and the adapter before the local Cloud Storage."""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Protocol

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from local.web_guard.rules import ADMIN_HEADER
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.cloud_storage.bucket import CloudStorage
from shared.gateways.ports import Bucket
from tests.patience import PATIENCE
from tests.twins.bucket import MemoryBucket
from tests.twins.clock import ManualClock

OWN_KEY = bytes(range(32))
KMS_KEY = "projects/contract/locations/us/keyRings/ring/cryptoKeys/key"


class BucketWorld(Protocol):
    @property
    def bucket(self) -> Bucket: ...

    def put(self, name: str, content: bytes, **metadata: str) -> ObjectInfo: ...

    def put_encoded(self, name: str, content: bytes, content_encoding: str) -> ObjectInfo: ...

    def compose(self, name: str, *parts: str) -> ObjectInfo: ...

    def put_under_own_key(self, name: str, content: bytes) -> ObjectInfo: ...

    def touch_metadata(self, name: str, **metadata: str) -> ObjectInfo: ...

    def delete(self, name: str) -> None: ...


class MemoryBucketWorld:
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
    """The adapter before the local Cloud Storage."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = storage_client(url)
        self._raw = self.client.create_bucket(f"contract-{uuid.uuid4().hex[:12]}")
        self.name = self._raw.name
        self.bucket = CloudStorage(self.client, self.name)

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
        self.restrict(payers=list(payers))

    def restrict(self, **access: list[str]) -> None:
        """Set what is refused in the bucket; see the server's README."""
        path = f"/admin/buckets/{self._raw.name}/access"
        body = json.dumps(access).encode()
        headers = {ADMIN_HEADER: "test"}
        asked = urllib.request.Request(self.url + path, body, headers, method="PUT")
        urllib.request.urlopen(asked, timeout=PATIENCE).close()

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
