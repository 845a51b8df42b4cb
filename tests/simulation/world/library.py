"""The files in the bucket, and the edits made to them while syncs run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from random import Random

from shared.domain.source.path_glob import PathGlob
from shared.domain.source.sidecar_name import sidecar_name
from shared.gateways.ports import Clock
from shared.services.looks.finish_import import INVALID_ARGUMENT
from tests.twins.bucket import MemoryBucket
from tests.twins.imports import INTERNAL, ImportFate

MAX_FILES = 12

LARGE_COUNTS = 600, 1200
"""The fewest and the most files of a large seed."""

ERRORS = INTERNAL, INVALID_ARGUMENT
"""Codes of imports that always fail: one that might pass, and one that is final."""

NOTES = "b/NOTES"
"""A file without an extension; only seeds with locks have it."""

LOCKED_SHARE = 0.2
"""Share of the seeds in which some objects can't be read for a time."""
LARGE = "large " * 30
"""What makes a file cost more than a day may, in some runs."""


class Library:
    """A seed's files."""

    def __init__(
        self, bucket: MemoryBucket, chance: Random, clock: Clock, locks: Random, *, large: bool
    ) -> None:
        self.poisoned: dict[str, ImportFate] = {}
        self.edits: Counter[str] = Counter()
        self._bucket = bucket
        self._chance = chance
        self._clock = clock
        # Of its own, so that a seed without locks plays as it always did.
        self._locks = locks
        self._is_large = large
        self.has_locks = locks.random() < LOCKED_SHARE
        self._versions: defaultdict[str, int] = defaultdict(int)
        self._there_since: dict[str, datetime] = {}
        self._left_out: Sequence[PathGlob] = ()
        self._let_in_at: datetime | None = None
        self.names: list[str] = []
        self.large: set[str] = set()

    def fill(self) -> None:
        """Write the first files."""
        chance = self._chance
        count = chance.choice((1, 1, 2, 3, 3, 4, 5, 6, 8, MAX_FILES))
        poisoned = 0.04
        if self._is_large:
            count = chance.randint(*LARGE_COUNTS)
            poisoned = chance.choice((0.04, 0.04, 0.6))
        self.names = [f"{'ab'[n % 2]}/{n:02d}.md" for n in range(count)]
        for name in self.names:
            self._write(name)
            if chance.random() < poisoned:
                code = INVALID_ARGUMENT if poisoned > 0.5 else chance.choice(ERRORS)
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

    def sweep(self) -> None:
        """Do the same to many files at once, as a script does; often to more than half of them."""
        chance = self._chance
        share, act = chance.choice((0.3, 0.7, 1.0)), chance.choice(("write", "delete", "describe"))
        for name in self.names:
            if chance.random() >= share or self._bucket.stat(name) is None:
                continue
            self.edits[name] += 1
            match act:
                case "write":
                    self._write(name)
                case "delete":
                    self._bucket.delete(name)
                    self._there_since.pop(name, None)
                case _:
                    self._bucket.touch_metadata(name, {"title": f"title {self.edits.total()}"})

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
        for info in self._bucket.list_objects(prefix="", limit=10_000):
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
        there, left_out, let_in = self._there_since.get(name), self._left_out, self._let_in_at
        if there is None or any(glob.matches(name) for glob in left_out):
            return None
        return max(there, let_in) if let_in is not None else there

    def leave_out(self, patterns: Sequence[PathGlob]) -> None:
        """From now on the settings leave out the files that match."""
        if patterns != self._left_out:
            self._left_out, self._let_in_at = patterns, self._clock.now()

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
