"""A backend in memory that keeps the entries of the indexes that queries use, in order.

The plain one reads a whole collection for each query, which is faster for a few hundred documents
and far too slow for a hundred thousand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sortedcontainers import SortedDict

from local.firestore.indexes.index_set import Index
from local.firestore.indexes.scan import Parts, Scan, keys
from local.firestore.query.document import Micros, Stored
from local.firestore.query.field_path import NAME, FieldPath, getter
from local.firestore.storage.memory import MemoryBackend


@dataclass(slots=True)
class _Entries:
    """The entries of one index in one scope: the path of each document by its keys.

    An index that no query has used has none; they are made when it is first used.
    """

    index: Index
    paths: SortedDict = field(default_factory=SortedDict)

    def change(self, path: str, old: Iterable[bytes], new: Iterable[bytes]) -> None:
        """Replace the entries with the old keys by those with the new ones."""
        for key in old:
            del self.paths[key]
        for key in new:
            self.paths[key] = path


class _Change:
    """A document before and after a write."""

    def __init__(self, before: Stored | None, after: Stored | None) -> None:
        self._before = before
        self._after = after
        self._is_changed: dict[FieldPath, bool] = {}
        self._old: Parts = {}
        self._new: Parts = {}

    def applies_to(self, index: Index) -> bool:
        """Whether the entries of an index may be others."""
        known = self._is_changed
        for path, _ in index.fields:
            changed = known.get(path)
            if changed is None:
                changed = known[path] = self._changes(path)
            if changed:
                return True
        return False

    def keys(self, index: Index) -> tuple[Iterable[bytes], Iterable[bytes]]:
        """The old keys and the new ones."""
        before, after = self._before, self._after
        return (
            () if before is None else keys(index, before, self._old),
            () if after is None else keys(index, after, self._new),
        )

    def _changes(self, path: FieldPath) -> bool:
        if self._before is None or self._after is None:
            return True
        if path == NAME:
            return False
        old, new = getter(path)(self._before), getter(path)(self._after)
        return old is not new and (type(old) is not type(new) or old != new)


class SortedBackend(MemoryBackend):
    """``MemoryBackend`` with entries that are kept."""

    def __init__(self) -> None:
        super().__init__()
        self._used: defaultdict[str, dict[tuple[Index, str], _Entries]] = defaultdict(dict)
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
            change = _Change(before, document)
            for (index, scope), entries in self._used[collection.rpartition("/")[2]].items():
                if (index.group or scope == collection) and change.applies_to(index):
                    entries.change(path, *change.keys(index))
        super().apply(changes, at)

    def forget_entries(self) -> None:
        """Drop all entries before very many documents come; they are made again when used."""
        self._used.clear()
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
        if entries is None:
            entries = used[index, scan.scope] = _Entries(index)
            documents: Iterable[Stored] = super().collection(scan.scope)
            if index.group:
                documents = self.group(index.collection, "", below=True)
            for document in documents:
                entries.change(document.path, (), keys(index, document))
        return entries.paths

    def _by_name(self, collection: str) -> SortedDict:
        names = self._names.get(collection)
        if names is None:
            known = self.collections[collection]
            names = self._names[collection] = SortedDict(dict.fromkeys(known))
        return names
