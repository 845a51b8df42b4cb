"""In-memory twin of the bucket."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import IO

import google_crc32c

from shared.domain.errors import NotFound
from shared.domain.source.content_hash import Hashes
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.ports import Clock
from tests.twins.scripted_calls import ScriptedCalls


class MemoryBucket(ScriptedCalls):
    """A bucket without versioning: an overwritten or deleted generation is gone at once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}
        self._generation = 0

    # --- the port -------------------------------------------------------------------------

    def list_objects(
        self, *, prefix: str, start: str = "", end: str = "", limit: int
    ) -> list[ObjectInfo]:
        """At most ``limit`` objects with ``prefix`` and start <= name < end, by name."""
        with self._call("list_objects"):
            first, bound = start.encode(), end.encode()
            names = sorted(name.encode() for name in self._objects if name.startswith(prefix))
            return [
                self._objects[name.decode()][0]
                for name in names
                if first <= name and (not bound or name < bound)
            ][:limit]

    def stat(self, name: str) -> ObjectInfo | None:
        """The live object of this name; None if there is none."""
        with self._call("stat"):
            found = self._objects.get(name)
            return found and found[0]

    def read_heads(self, objects: Sequence[ObjectInfo], length: int) -> dict[str, bytes | None]:
        """The first ``length`` bytes of each object, by name; None if its generation is gone."""
        with self._call("read_heads"):
            contents = {info.name: self._content(info.name, info.generation) for info in objects}
            return {
                name: None if content is None else content[:length]
                for name, content in contents.items()
            }

    def open(self, name: str, generation: int) -> IO[bytes]:
        """A stream of exactly this generation. Raises ``NotFound`` if it is gone."""
        with self._call("open"):
            content = self._content(name, generation)
            if content is None:
                raise NotFound("bucket.open", code=404)
            return io.BytesIO(content)

    # --- for tests ------------------------------------------------------------------------

    def put(
        self,
        name: str,
        content: bytes,
        *,
        content_type: str = "text/plain",
        metadata: Mapping[str, str] | None = None,
        content_encoding: str = "",
        kinds: Sequence[str] = ("md5", "crc32c"),
    ) -> ObjectInfo:
        """Create or overwrite an object, which gets a new generation.

        ``kinds`` are the hashes that are told: a composite object has ``crc32c`` alone, and one
        under a customer-supplied key has none.
        """
        self._generation += 1
        hashes = Hashes(**{kind: value for kind, value in _hashes(content) if kind in kinds})
        info = ObjectInfo(
            name=name,
            size=len(content),
            generation=self._generation,
            metageneration=1,
            content_hash=hashes.content_hash(self._generation),
            content_type=content_type,
            updated=self._clock.now(),
            metadata=dict(metadata or {}),
            content_encoding=content_encoding,
            hashes=hashes,
        )
        self._objects[name] = (info, content)
        return info

    def touch_metadata(
        self, name: str, metadata: Mapping[str, str], *, content_encoding: str | None = None
    ) -> ObjectInfo:
        """Replace the metadata of an object, which keeps its generation.

        The encoding that is declared is replaced as well, unless it is None.
        """
        info, content = self._objects[name]
        declared = info.content_encoding if content_encoding is None else content_encoding
        info = replace(
            info,
            metageneration=info.metageneration + 1,
            updated=self._clock.now(),
            metadata=dict(metadata),
            content_encoding=declared,
        )
        self._objects[name] = (info, content)
        return info

    def delete(self, name: str) -> None:
        """Delete an object. Raises ``KeyError`` if there is none."""
        del self._objects[name]

    def _content(self, name: str, generation: int) -> bytes | None:
        info, content = self._objects.get(name, (None, None))
        return content if info is not None and info.generation == generation else None


def _hashes(content: bytes) -> Iterator[tuple[str, str]]:
    yield "md5", hashlib.md5(content, usedforsecurity=False).hexdigest()
    yield "crc32c", f"{google_crc32c.value(content):08x}"
