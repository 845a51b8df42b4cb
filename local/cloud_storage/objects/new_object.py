"""What is known of an object before its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from local.cloud_storage.objects.names import object_name
from local.cloud_storage.objects.stored_object import (
    Json,
    StoredObject,
    check_hashes,
    merged,
    now,
    settable,
)

_ENCODING = "contentEncoding"


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to be written.

    Attributes:
        described: Its resource, as the client describes it.
        query: The call's parameters, with the conditions that must hold when it is written.
        key_sha256: The hash of the customer-supplied key; None without one.
        component_count: How many objects a composite object was made of; None for any other.
    """

    bucket: str
    name: str
    described: Json
    query: Mapping[str, str]
    key_sha256: str | None = None
    component_count: int | None = None

    @classmethod
    def of(
        cls,
        bucket: str,
        described: Json,
        query: Mapping[str, str],
        *,
        media_type: str,
        key_sha256: str | None,
    ) -> Self:
        """The object that an upload describes, in part by its parameters.

        Raises:
            Refused: The description, or the name, is wrong.
        """
        name = str(described.get("name") or query.get("name", ""))
        object_name(name)
        encoding = {_ENCODING: query[_ENCODING]} if _ENCODING in query else {}
        full = {"contentType": media_type} | encoding | described
        settable(full)
        return cls(bucket, name, full, query, key_sha256)

    def stored(self, generation: int, size: int, hashes: Mapping[str, str]) -> StoredObject:
        """The object with its content.

        Raises:
            Refused: The client has told another hash of the content.
        """
        check_hashes(self.described, hashes)
        time = now()
        facts = merged({"timeCreated": time, "updated": time, **hashes}, self.described)
        if self.component_count is not None:
            del facts["md5Hash"]
            facts["componentCount"] = self.component_count
        if self.key_sha256 is not None:
            algorithm = {"encryptionAlgorithm": "AES256", "keySha256": self.key_sha256}
            facts["customerEncryption"] = algorithm
        if "kmsKeyName" in self.query:
            facts["kmsKeyName"] = f"{self.query['kmsKeyName']}/cryptoKeyVersions/1"
        return StoredObject(self.bucket, self.name, generation, 1, size, facts)
