"""One object of the bucket, as a listing or a read of its metadata describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

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
            composite objects).
        content_type: Media type that the uploader declared.
        updated: When the object last changed.
        metadata: Custom metadata.
    """

    name: str
    size: int
    generation: int
    metageneration: int
    content_hash: str
    content_type: str
    updated: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, object]:
        """The fields that decisions depend on; if one changes, a remembered range is invalid."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        found["metadata"] = dict(self.metadata)
        return {name: value for name, value in found.items() if name not in _NO_CONTENT}
