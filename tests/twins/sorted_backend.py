"""A backend in memory that keeps the entries of the indexes that queries use, in order.

The plain one reads a whole collection for each query, which is faster for a few hundred documents
and far too slow for a hundred thousand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from sortedcontainers import SortedDict

from local.firestore.indexes.index_set import Index
from local.firestore.indexes.scan import Parts, Scan, keys
from local.firestore.query.document import Micros, Stored
from local.firestore.query.field_path import NAME, getter
from local.firestore.storage.memory import MemoryBackend

MOST_CHANGES = 5_000
"""Changes that wait for the entries of indexes which no query reads."""


class _Version:
    """A version of a document, with the parts of its keys that were made."""

    __slots__ = ("document", "parts")

    def __init__(self, document: Stored) -> None:
        self.document = document
        self.parts: Parts = {}


_Change: TypeAlias = tuple[str, _Version | None, _Version | None]
"""The path of a document, and its versions before and after."""


@dataclass(slots=True)
class _Entries:
    """The entries of one index in one scope: the path of each document by its keys.

    They are made when a query first uses the index, and brought up to date when one uses it again:
    of several changes of a document in between, only the outcome counts.

    Attributes:
        index: The index.
        scope: The collection; empty for a collection group.
        paths: Paths by keys.
        seen: How many of the changes that wait are in the entries.
    """

    index: Index
    scope: str
    paths: SortedDict = field(default_factory=SortedDict)
    seen: int = 0

    def catch_up(self, changes: Sequence[_Change]) -> None:
        """Bring the entries up to date."""
        if self.seen == len(changes):
            return
        whole: dict[str, tuple[_Version | None, _Version | None]] = {}
        for path, before, after in islice(changes, self.seen, None):
            known = whole.get(path)
            whole[path] = (before, after) if known is None else (known[0], after)
        self.seen = len(changes)
        for path, (before, after) in whole.items():
            if self._concerns(path) and self._differ(before, after):
                self._replace(path, before, after)

    def _replace(self, path: str, before: _Version | None, after: _Version | None) -> None:
        if before is not None:
            for key in keys(self.index, before.document, before.parts):
                del self.paths[key]
        if after is not None:
            for key in keys(self.index, after.document, after.parts):
                self.paths[key] = path

    def _concerns(self, path: str) -> bool:
        return self.index.group or path.rpartition("/")[0] == self.scope

    def _differ(self, before: _Version | None, after: _Version | None) -> bool:
        """Whether the entries of two versions may be others."""
        if before is None or after is None:
            return before is not after
        for path, _ in self.index.fields:
            if path == NAME:
                continue
            read = getter(path)
            old, new = read(before.document), read(after.document)
            if old is not new and (type(old) is not type(new) or old != new):
                return True
        return False


class SortedBackend(MemoryBackend):
    """``MemoryBackend`` with entries that are kept."""

    def __init__(self) -> None:
        super().__init__()
        self._used: defaultdict[str, dict[tuple[Index, str], _Entries]] = defaultdict(dict)
        self._waiting: defaultdict[str, list[_Change]] = defaultdict(list)
        self._latest: dict[str, _Version] = {}
        self._names: dict[str, SortedDict] = {}

    def collection(self, path: str) -> Iterable[Stored]:
        """See ``Backend``."""
        return [*super().collection(path)]

    def scan(self, scan: Scan) -> Iterator[Stored]:
        """See ``Backend``."""
        if scan.index is None:
            documents = self.collections[scan.scope]
            for name in self._by_name(scan.scope).irange(scan.first):
                yield documents[name]
            return
        entries = self._entries(scan)
        for key in self._range(entries, scan):
            found = self.get(entries[key])
            assert found is not None
            yield found

    def keys(self, scan: Scan) -> Iterable[bytes]:
        """See ``Backend``."""
        return self._range(self._entries(scan), scan)

    def apply(self, changes: Mapping[str, Stored | None], at: Micros) -> None:
        """See ``Backend``."""
        for path, document in changes.items():
            collection, _, name = path.rpartition("/")
            before = self.get(path)
            names = self._names.get(collection)
            if names is not None and (before is None) is not (document is None):
                if document is None:
                    del names[name]
                else:
                    names[name] = None
            kind = collection.rpartition("/")[2]
            if kind in self._used:
                self._wait(kind, path, before, document)
        super().apply(changes, at)

    def forget_entries(self) -> None:
        """Drop all entries before very many documents come; they are made again when used."""
        self._used.clear()
        self._waiting.clear()
        self._latest.clear()
        self._names.clear()

    @staticmethod
    def _range(entries: SortedDict, scan: Scan) -> Iterator[bytes]:
        found: Iterator[bytes] = entries.irange(scan.low, scan.high, inclusive=(True, False))
        return found

    def _entries(self, scan: Scan) -> SortedDict:
        index = scan.index
        if index is None:
            raise ValueError("a scan by name has no entries")
        used = self._used[index.collection]
        entries = used.get((index, scan.scope))
        waiting = self._waiting[index.collection]
        if entries is not None:
            entries.catch_up(waiting)
            return entries.paths
        entries = used[index, scan.scope] = _Entries(index, scan.scope, seen=len(waiting))
        documents: Iterable[Stored] = super().collection(scan.scope)
        if index.group:
            documents = self.group(index.collection, "", below=True)
        entries.paths.update(
            (key, document.path) for document in documents for key in keys(index, document)
        )
        return entries.paths

    def _wait(self, kind: str, path: str, before: Stored | None, after: Stored | None) -> None:
        """Let the entries catch up with a change once they are used, or too many wait."""
        waiting = self._waiting[kind]
        known = self._latest.get(path)
        old = known if known is not None or before is None else _Version(before)
        new = None if after is None else _Version(after)
        waiting.append((path, old, new))
        if new is None:
            self._latest.pop(path, None)
        else:
            self._latest[path] = new
        if len(waiting) >= MOST_CHANGES:
            for entries in self._used[kind].values():
                entries.catch_up(waiting)
                entries.seen = 0
            waiting.clear()
            self._latest.clear()

    def _by_name(self, collection: str) -> SortedDict:
        names = self._names.get(collection)
        if names is None:
            known = self.collections[collection]
            names = self._names[collection] = SortedDict(dict.fromkeys(known))
        return names
