"""Buckets and objects of the server, as resources of the JSON API."""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import google_crc32c

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""A generation is the number of microseconds between this time and the upload."""


class ApiError(Exception):
    """A refusal, with the HTTP status, the reason and the message of the service."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


@dataclass
class StoredObject:
    """One version of an object.

    Attributes:
        changeable: What a patch may change: contentType, contentEncoding, metadata.
        component_count: Number of objects that a composite object was made of; None otherwise.
        key_sha256: Hash of the customer-supplied key; None without one.
        kms_key: Name of the key of Cloud KMS; None without one.
    """

    name: str
    content: bytes
    generation: int
    changeable: dict[str, Any]
    component_count: int | None = None
    key_sha256: str | None = None
    kms_key: str | None = None
    metageneration: int = 1

    def resource(self, bucket: str, *, with_hashes: bool) -> dict[str, Any]:
        """The object as the JSON API describes it. int64 values are strings there."""
        found: dict[str, Any] = {
            "kind": "storage#object",
            "bucket": bucket,
            "name": self.name,
            "size": str(len(self.content)),
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "updated": f"{EPOCH + timedelta(microseconds=self.generation):%Y-%m-%dT%H:%M:%S.%fZ}",
            **self.changeable,
        }
        if with_hashes:
            found["crc32c"] = _encoded(google_crc32c.value(self.content).to_bytes(4, "big"))
            if self.component_count is None:
                md5 = hashlib.md5(self.content, usedforsecurity=False)
                found["md5Hash"] = _encoded(md5.digest())
        if self.component_count is not None:
            found["componentCount"] = self.component_count
        if self.key_sha256:
            algorithm = {"encryptionAlgorithm": "AES256", "keySha256": self.key_sha256}
            found["customerEncryption"] = algorithm
        if self.kms_key:
            found["kmsKeyName"] = f"{self.kms_key}/cryptoKeyVersions/1"
        return found

    def transcoded(self) -> bytes | None:
        """What a client gets that doesn't accept gzip; None if the content is sent as stored."""
        if self.changeable.get("contentEncoding") != "gzip":
            return None
        try:
            return gzip.decompress(self.content)
        except (OSError, EOFError, zlib.error):
            return None


@dataclass
class StoredBucket:
    """A bucket and who may do what in it.

    Attributes:
        refused: Names that may be listed but not read, as by an IAM condition.
        disabled_keys: Keys of Cloud KMS that are disabled.
        payers: Projects that the caller may name as those that pay.
    """

    name: str
    requester_pays: bool = False
    objects: dict[str, StoredObject] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    disabled_keys: set[str] = field(default_factory=set)
    payers: set[str] = field(default_factory=set)

    def check_payer(self, project: str | None) -> None:
        """Raise the service's refusal if the bucket is used without a project that pays."""
        if not self.requester_pays:
            return
        if project is None:
            raise ApiError(
                400, "required", "Bucket is a requester pays bucket but no user project provided."
            )
        if project not in self.payers:
            raise ApiError(
                403,
                "forbidden",
                "sync@contract.iam.gserviceaccount.com does not have serviceusage.services.use "
                "access to the Google Cloud project. Permission 'serviceusage.services.use' denied "
                "on resource (or it may not exist).",
            )

    def found(self, name: str, generation: str | None = None) -> StoredObject:
        """The live object; raise the service's 404 without one, or if another is asked for."""
        stored = self.objects.get(name)
        if stored is None or generation not in (None, str(stored.generation)):
            raise ApiError(404, "notFound", f"No such object: {self.name}/{name}")
        return stored

    def readable(self, name: str, generation: str | None, key_sha256: str | None) -> StoredObject:
        """The live object for a read of its content; raise the service's refusal."""
        stored = self.found(name, generation)
        if name in self.refused:
            raise ApiError(
                403,
                "forbidden",
                "sync@contract.iam.gserviceaccount.com does not have storage.objects.get access to "
                "the Google Cloud Storage object. Permission 'storage.objects.get' denied on "
                "resource (or it may not exist).",
            )
        if stored.key_sha256 and key_sha256 is None:
            raise ApiError(
                400,
                "resourceIsEncryptedWithCustomerEncryptionKey",
                "The target object is encrypted by a customer-supplied encryption key.",
            )
        if stored.key_sha256 != key_sha256:
            message = "The provided encryption key is incorrect."
            raise ApiError(400, "customerEncryptionKeyIsIncorrect", message)
        if stored.kms_key in self.disabled_keys:
            message = f"{stored.kms_key}/cryptoKeyVersions/1 is not enabled, current state is: "
            raise ApiError(400, "cloudKmsDisabledKey", f"{message}DISABLED.")
        return stored


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
