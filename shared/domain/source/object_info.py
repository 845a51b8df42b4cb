"""One object of the bucket, as a listing or a read of its metadata describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from shared.domain.source.content_hash import NO_HASHES, Hashes

_NO_CONTENT = ("content_type", "updated")
"""Fields that need no comparison: a new content type has a new metageneration."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object of the bucket.

    Attributes:
        name: Full name.
        size: Bytes.
        generation: Number of the content's version; unique for each version.
        metageneration: Number of the metadata's version within the generation.
        content_hash: ``md5:<hex>``, or ``crc32c:<hex>`` where Cloud Storage has no MD5 (for
            composite objects), or ``generation:<number>`` where it tells no hash.
        content_type: Media type that the uploader declared.
        updated: When the object last changed.
        metadata: Custom metadata.
        content_encoding: The Content-Encoding that the uploader declared; empty without one.
        hashes: All hashes that Cloud Storage tells; the size and they are of the stored bytes.
    """

    name: str
    size: int
    generation: int
    metageneration: int
    content_hash: str
    content_type: str
    updated: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)
    content_encoding: str = ""
    hashes: Hashes = NO_HASHES

    @property
    def identity(self) -> dict[str, object]:
        """The fields that decisions depend on; if one changes, a remembered range is invalid."""
        found = {name: getattr(self, name) for name in _COMPARED}
        hashes = {name: getattr(self.hashes, name) for name in _HASHES}
        return {**found, "metadata": dict(self.metadata), "hashes": hashes}


_COMPARED = tuple(each.name for each in fields(ObjectInfo) if each.name not in _NO_CONTENT)
_HASHES = tuple(each.name for each in fields(Hashes))
