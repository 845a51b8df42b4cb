"""One version of an object, and its resource in the JSON API."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

from local.cloud_storage.objects.preconditions import Version
from local.cloud_storage.refusals import invalid

Json = dict[str, Any]

SETTABLE = (
    *("contentType", "contentEncoding", "contentDisposition", "contentLanguage", "cacheControl"),
    *("customTime", "storageClass", "metadata"),
)
"""What a client may set and change."""

_HASHES = ("md5Hash", "crc32c")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object.

    Attributes:
        facts: The other fields of its resource, as the JSON API has them: hashes, times, keys, and
            what clients have set.
    """

    bucket: str
    name: str
    generation: int
    metageneration: int
    size: int
    facts: Json

    @property
    def version(self) -> Version:
        """Generation and metageneration."""
        return self.generation, self.metageneration

    @property
    def etag(self) -> str:
        """Changes with each change."""
        return encoded(f"{self.generation}/{self.metageneration}".encode())

    @property
    def key_sha256(self) -> str | None:
        """The hash of the customer-supplied key; None without one."""
        key: str | None = self.facts.get("customerEncryption", {}).get("keySha256")
        return key

    def changed(self, change: Json, *, whole: bool) -> Self:
        """The object with other fields. Of ``metadata`` too, a patch changes only what it names.

        Args:
            change: Fields of the resource; null removes one. Others than ``SETTABLE`` are ignored.
            whole: Whether fields that aren't named are removed.

        Raises:
            Refused: A field has a value of the wrong type.
        """
        facts = {k: v for k, v in self.facts.items() if not (whole and k in SETTABLE)}
        facts = merged(facts, change) | {"updated": now()}
        return replace(self, metageneration=self.metageneration + 1, facts=facts)

    def resource(self, base: str, *, listed: bool = False) -> Json:
        """The object as the JSON API describes it; int64 values are strings there.

        A listing has no hashes of objects under customers' keys, nor has anything without the key
        that a customer supplies.

        Args:
            base: The URL of the server.
            listed: Whether it is an item of a listing.
        """
        path = f"storage/v1/b/{self.bucket}/o/{quote(self.name, safe='')}"
        found: Json = {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "selfLink": f"{base}/{path}",
            "mediaLink": f"{base}/download/{path}?generation={self.generation}&alt=media",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "size": str(self.size),
            "etag": self.etag,
            **self.facts,
        }
        if self.key_sha256 or (listed and "kmsKeyName" in self.facts):
            for name in _HASHES:
                found.pop(name, None)
        return found


def merged(facts: Json, change: Json) -> Json:
    """The facts of an object with those that a client sets; null removes one.

    Raises:
        Refused: One has a value of the wrong type.
    """
    new = facts | settable(change)
    metadata = new.get("metadata") and (facts.get("metadata") or {}) | new["metadata"]
    new["metadata"] = {key: text for key, text in (metadata or {}).items() if text is not None}
    return {"storageClass": "STANDARD"} | {name: value for name, value in new.items() if value}


def settable(described: Json) -> Json:
    """The fields of a resource that a client may set.

    Raises:
        Refused: One has a value of the wrong type.
    """
    chosen = {name: described[name] for name in SETTABLE if name in described}
    for name, value in chosen.items():
        if name == "metadata":
            is_right = value is None or (
                isinstance(value, dict)
                and all(text is None or isinstance(text, str) for text in value.values())
            )
        else:  # most become headers of downloads
            is_right = value is None or (isinstance(value, str) and value.isprintable())
        if not is_right:
            raise invalid(f"Invalid value for {name}")
    return chosen


def check_hashes(claimed: Mapping[str, Any], real: Mapping[str, str]) -> None:
    """Raise ``Refused`` if a client has told another hash of the content than it has."""
    for name in _HASHES:
        hashed = claimed.get(name)
        if hashed is not None and name in real and hashed != real[name]:
            raise invalid(
                f'Provided {name} "{hashed}" doesn\'t match calculated {name} "{real[name]}".'
            )


def encoded(digest: bytes) -> str:
    """Bytes as the JSON API has them."""
    return base64.b64encode(digest).decode()


def now() -> str:
    """The time, as the JSON API has it."""
    moment = datetime.fromtimestamp(time.time(), UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
