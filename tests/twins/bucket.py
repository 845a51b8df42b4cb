"""In-memory twin of the bucket."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, takewhile
from typing import IO

import google_crc32c
from sortedcontainers import SortedSet

from shared.domain.errors import NotFound, Unreadable
from shared.domain.source.content_hash import Hashes
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.ports import Clock, Head
from tests.twins.scripted_calls import ScriptedCalls


class MemoryBucket(ScriptedCalls):
    """A bucket without versioning: an overwritten or deleted generation is gone at once.

    Attributes:
        refused: Names of objects whose reads are refused, with the answer's status; 403 by an ACL,
            400 by a key that is disabled or that the reader would have to supply.
        heads_read: Number of objects whose first bytes were asked for.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._objects: dict[str, tuple[ObjectInfo, bytes]] = {}
        self._names = SortedSet()
        self._generation = 0
        self.refused: dict[str, int] = {}
        self.heads_read = 0

    # --- the port -------------------------------------------------------------------------

    def list_objects(
        self, *, prefix: str, start: str = "", end: str = "", limit: int
    ) -> list[ObjectInfo]:
        """At most ``limit`` objects with ``prefix`` and start <= name < end, by name."""
        with self._call("list_objects"):
            first = max(start.encode(), prefix.encode())
            names = self._names.irange(first, end.encode() or None, inclusive=(True, False))
            within = takewhile(lambda name: name.startswith(prefix.encode()), names)
            return [self._objects[name.decode()][0] for name in islice(within, limit)]

    def stat(self, name: str) -> ObjectInfo | None:
        """The live object of this name; None if there is none."""
        with self._call("stat"):
            found = self._objects.get(name)
            return found and found[0]

    def stat_each(self, names: Sequence[str]) -> dict[str, ObjectInfo]:
        """The live objects of these names, by name, without those that don't exist."""
        with self._call("stat_each"):
            return {name: self._objects[name][0] for name in names if name in self._objects}

    def read_heads(self, objects: Sequence[ObjectInfo], length: int) -> dict[str, Head]:
        """The first ``length`` bytes of each object, by name.

        None if its generation is gone, and ``Unreadable`` if its read is refused.
        """
        with self._call("read_heads"):
            self.heads_read += len(objects)
            return {info.name: self._head(info, length) for info in objects}

    def open(self, name: str, generation: int) -> IO[bytes]:
        """A stream of exactly this generation. Raises ``NotFound`` and ``Unreadable``."""
        with self._call("open"):
            content = self._content(name, generation)
            if content is None:
                raise NotFound("bucket.open", code=404)
            if name in self.refused:
                raise Unreadable("bucket.read", code=self.refused[name])
            return io.BytesIO(content)

    # --- for tests ------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._objects)

    def put(
        self,
        name: str,
        content: bytes,
        *,
        content_type: str = "text/plain",
        metadata: Mapping[str, str] | None = None,
        content_encoding: str = "",
        kinds: Sequence[str] = ("md5", "crc32c"),
        generation: int | None = None,
    ) -> ObjectInfo:
        """Create or overwrite an object, which gets a new generation, by default the next number.

        Cloud Storage promises unique generations, not growing ones. ``kinds`` are the hashes that
        are told: a composite object has ``crc32c`` alone, and one under a customer-supplied key
        has none.
        """
        self._generation += 1
        number = self._generation if generation is None else generation
        hashes = Hashes(**{kind: value for kind, value in _hashes(content) if kind in kinds})
        info = ObjectInfo(
            name=name,
            size=len(content),
            generation=number,
            metageneration=1,
            content_hash=hashes.content_hash(number),
            content_type=content_type,
            updated=self._clock.now(),
            metadata=dict(metadata or {}),
            content_encoding=content_encoding,
            hashes=hashes,
        )
        self._objects[name] = (info, content)
        self._names.add(name.encode())
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
        self._names.discard(name.encode())

    def _head(self, info: ObjectInfo, length: int) -> Head:
        content = self._content(info.name, info.generation)
        if content is not None and info.name in self.refused:
            return Unreadable("bucket.read", code=self.refused[info.name])
        return None if content is None else content[:length]

    def _content(self, name: str, generation: int) -> bytes | None:
        info, content = self._objects.get(name, (None, None))
        return content if info is not None and info.generation == generation else None


def _hashes(content: bytes) -> Iterator[tuple[str, str]]:
    yield "md5", hashlib.md5(content, usedforsecurity=False).hexdigest()
    yield "crc32c", f"{google_crc32c.value(content):08x}"
