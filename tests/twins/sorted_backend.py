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
from local.firestore.indexes.scan import Scan, keys
from local.firestore.query.document import Micros, Stored
from local.firestore.query.field_path import NAME, FieldPath, getter
from local.firestore.storage.memory import MemoryBackend


@dataclass(slots=True)
class _Entries:
    """The entries of one index in one scope: the path of each document by its keys.

    An index that no query has used has none; they are made when it is first used.
    """

    index: Index
    fields: tuple[FieldPath, ...]
    paths: SortedDict = field(default_factory=SortedDict)

    def change(self, path: str, old: Stored | None, new: Stored | None) -> None:
        """Replace the entries of a document by those of its new version."""
        if old is not None and new is not None and self._is_same(old, new):
            return
        for key in () if old is None else keys(self.index, old):
            del self.paths[key]
        for key in () if new is None else keys(self.index, new):
            self.paths[key] = path

    def _is_same(self, old: Stored, new: Stored) -> bool:
        for each in self.fields:
            before, after = getter(each)(old), getter(each)(new)
            if before is not after and (type(before) is not type(after) or before != after):
                return False
        return True


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
            for (index, scope), entries in self._used[collection.rpartition("/")[2]].items():
                if index.group or scope == collection:
                    entries.change(path, before, document)
        super().apply(changes, at)

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
            fields = tuple(path for path, _ in index.fields if path != NAME)
            entries = used[index, scan.scope] = _Entries(index, fields)
            documents: Iterable[Stored] = super().collection(scan.scope)
            if index.group:
                documents = self.group(index.collection, "", below=True)
            for document in documents:
                entries.change(document.path, None, document)
        return entries.paths

    def _by_name(self, collection: str) -> SortedDict:
        names = self._names.get(collection)
        if names is None:
            known = self.collections[collection]
            names = self._names[collection] = SortedDict(dict.fromkeys(known))
        return names
