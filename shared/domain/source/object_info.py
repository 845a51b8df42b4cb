"""One object of the bucket, as a listing or a look at it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

_NO_CONTENT = ("content_type", "updated")
"""Fields that no decision is made from."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object.

    Attributes:
        name: Its full name.
        size: Bytes.
        generation: Of its content; unique for each version.
        metageneration: Of its metadata.
        content_hash: ``md5:<hex>``, or ``crc32c:<hex>`` where the service keeps no MD5
            (composite objects).
        content_type: As its uploader declared it.
        updated: When it last changed.
        metadata: Its custom metadata.
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
        """All that decisions are made from: a remembered page holds only while it stays."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        found["metadata"] = dict(self.metadata)
        return {name: value for name, value in found.items() if name not in _NO_CONTENT}
