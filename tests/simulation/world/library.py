"""The files in the bucket, and the edits made to them while syncs run."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from datetime import datetime
from random import Random

from shared.domain.metadata.metadata import MetadataEntry
from shared.domain.source.sidecar_name import sidecar_name
from shared.gateways.ports import Clock
from shared.services.context import Context
from shared.services.source.inspection import inspect_one
from shared.services.worker.finish_import import INVALID_ARGUMENT
from tests.twins.bucket import MemoryBucket
from tests.twins.gemini import MemoryGemini
from tests.twins.imports import INTERNAL, ImportFate

MAX_FILES = 12

NOTES = "b/NOTES"
"""A file without an extension; only seeds with locks have it."""

LOCKED_SHARE = 0.2
"""Share of the seeds in which some objects can't be read for a time."""
LARGE = "large " * 30
"""What makes a file cost more than a day may, in some runs."""


class Library:
    """A seed's files."""

    def __init__(self, bucket: MemoryBucket, chance: Random, clock: Clock, locks: Random) -> None:
        self.poisoned: dict[str, ImportFate] = {}
        self.foreign: set[str] = set()
        self.edits: Counter[str] = Counter()
        self._bucket = bucket
        self._chance = chance
        self._clock = clock
        # Of its own, so that a seed without locks plays as it always did.
        self._locks = locks
        self.has_locks = locks.random() < LOCKED_SHARE
        self._versions: defaultdict[str, int] = defaultdict(int)
        self._there_since: dict[str, datetime] = {}
        self.names: list[str] = []
        self.large: set[str] = set()

    def fill(self) -> None:
        """Write the first files."""
        chance = self._chance
        count = chance.choice((1, 1, 2, 3, 3, 4, 5, 6, 8, MAX_FILES))
        self.names = [f"{'ab'[n % 2]}/{n:02d}.md" for n in range(count)]
        for name in self.names:
            self._write(name)
            if chance.random() < 0.04:
                code = chance.choice((INTERNAL, INVALID_ARGUMENT))
                self.poisoned[name] = ImportFate(operation_fails=True, error_code=code)
        if chance.random() < 0.2:
            self._bucket.put(f"{self.names[0]}.meta.json", b'{"title": "first"}')
        if chance.random() < 0.2:
            self._bucket.put("a/empty.md", b"")
        if self.has_locks:
            self._there_since[NOTES] = self._clock.now()
            self.lock()

    def enlarge(self, name: str) -> None:
        """Make a file large, now and in all later versions."""
        self.large.add(name)
        self._write(name)

    def edit(self) -> None:
        """Change, replace or remove a file at random."""
        chance = self._chance
        name = chance.choice(self.names)
        there = self._bucket.stat(name) is not None
        self.edits[name] += 1
        number = self.edits.total()
        match chance.randint(0, 7):
            case 0 | 1:
                self._write(name)
            case 2 if self._versions[name] > 1:
                self._write(name, version=self._versions[name] - 1)
            case 3 | 4 if there:
                self._bucket.delete(name)
                self._there_since.pop(name, None)
            case 5 if there:
                self._bucket.touch_metadata(name, {"title": f"title {number}"})
            case 6 if there:
                content = f'{{"title": "title {number}"}}'
                self._bucket.put(sidecar_name(name), content.encode())
            case 7 if there:
                self._bucket.put(name, b"")  # preflight skips it from now on
                self._there_since.pop(name, None)
            case _ if len(self.names) < MAX_FILES:
                name = f"c/{len(self.names):02d}.md"
                self.names.append(name)
                self._write(name)
            case _:
                self._write(name)

    def rewrite(self, name: str) -> None:
        """Give a file new content."""
        self.edits[name] += 1
        self._write(name)

    def put_back(self, name: str) -> None:
        """Write a removed file again, with its latest content."""
        if name in self.names and self._bucket.stat(name) is None:
            self.edits[name] += 1
            self._write(name, version=self._versions[name])

    def lock(self) -> None:
        """Let reads of some objects be refused from now on, and of others no more.

        The file without an extension changes, so that the scan wants to read it.
        """
        locks = self._locks
        self._bucket.put(NOTES, f"notes, version {locks.random()}".encode())
        for info in self._bucket.list_objects(prefix="", limit=1000):
            if locks.random() < 0.3:
                self._bucket.refused[info.name] = locks.choice((400, 403))
            elif locks.random() < 0.3:
                self._bucket.refused.pop(info.name, None)

    def unlock(self) -> None:
        """Let every object be read again."""
        self._bucket.refused.clear()

    def _write(self, name: str, version: int | None = None) -> None:
        if version is None:
            self._versions[name] += 1
            version = self._versions[name]
        more = LARGE if name in self.large else ""
        self._bucket.put(name, f"{name}, version {version}{more}".encode())
        self._there_since.setdefault(name, self._clock.now())

    def there_since(self, name: str) -> datetime | None:
        """Since when the name has had a file to index without interruption, or None."""
        return self._there_since.get(name)

    def fate_of(self, path: str) -> ImportFate | None:
        """The fate of all imports of a file that the service can't import; None for other files."""
        return self.poisoned.get(path)

    def always_fails(self, path: str) -> bool:
        """Whether each import of the file fails in a way that might pass."""
        return path in self.poisoned and not self.is_refused_for_good(path)

    def is_refused_for_good(self, path: str) -> bool:
        """Whether the service refuses to import the file permanently."""
        fate = self.poisoned.get(path)
        return fate is not None and fate.error_code == INVALID_ARGUMENT

    def plant_foreign_documents(self, store: str, gemini: MemoryGemini, context: Context) -> None:
        """Put documents of another owner, with the same content, into the store."""
        for number, name in enumerate(self.names[:3]):
            wanted = inspect_one(context, name)
            if wanted is None:
                continue
            file = gemini.upload(
                f"foreign-{number}",
                io.BytesIO(b"x"),
                size=1,
                media_type="text/plain",
                display_name="",
            )
            entries = [
                MetadataEntry("path", name),
                MetadataEntry("content_key", wanted.key),
                MetadataEntry("owner", "somebody else"),
            ]
            operation = gemini.import_file(store, file.name, entries, None)
            document = gemini.get_operation(operation.name).document
            assert document is not None
            self.foreign.add(document)
