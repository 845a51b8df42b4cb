"""A backend that keeps documents in plain dictionaries, and makes index entries when asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter

from local.firestore.indexes.scan import Scan, keys
from local.firestore.query.document import Micros, Stored


class MemoryBackend:
    """A backend in memory, for use in process.

    Attributes:
        latest: See ``Backend``.
        collections: The documents by id, by the path of their collection.
    """

    def __init__(self) -> None:
        self.latest: Micros = 0
        self.collections: defaultdict[str, dict[str, Stored]] = defaultdict(dict)

    def get(self, path: str) -> Stored | None:
        """See ``Backend``."""
        collection, _, name = path.rpartition("/")
        return self.collections[collection].get(name)

    def collection(self, path: str) -> Iterable[Stored]:
        """See ``Backend``."""
        return self.collections[path].values()

    def group(self, collection: str | None, parent: str, *, below: bool) -> Iterator[Stored]:
        """See ``Backend``."""
        for path, documents in [*self.collections.items()]:
            above, _, name = path.rpartition("/")
            is_below = above == parent or (below and (not parent or above.startswith(f"{parent}/")))
            if is_below and collection in (None, name):
                yield from documents.values()

    def scan(self, scan: Scan) -> Iterable[Stored]:
        """See ``Backend``."""
        if scan.index is not None:
            return [document for _, document in self._entries_in(scan)]
        documents = self.collections[scan.scope]
        return [documents[name] for name in sorted(documents) if name >= scan.first]

    def keys(self, scan: Scan) -> Iterable[bytes]:
        """See ``Backend``."""
        return [key for key, _ in self._entries_in(scan)]

    def _entries_in(self, scan: Scan) -> list[tuple[bytes, Stored]]:
        """The entries of a part of an index, which are made when they are asked for."""
        index = scan.index
        if index is None:
            raise ValueError("a scan by name has no entries")
        documents: Iterable[Stored] = self.collections[scan.scope].values()
        if index.group:
            documents = self.group(index.collection, "", below=True)
        found = [(key, each) for each in documents for key in keys(index, each)]
        return sorted(((key, each) for key, each in found if _is_in(scan, key)), key=itemgetter(0))

    def collection_paths(self) -> list[str]:
        """See ``Backend``."""
        return [path for path, documents in self.collections.items() if documents]

    def apply(self, changes: Mapping[str, Stored | None], at: Micros) -> None:
        """See ``Backend``."""
        self.latest = at
        for path, document in changes.items():
            collection, _, name = path.rpartition("/")
            if document is None:
                self.collections[collection].pop(name, None)
            else:
                self.collections[collection][name] = document


def _is_in(scan: Scan, key: bytes) -> bool:
    return scan.low <= key and (scan.high is None or key < scan.high)
