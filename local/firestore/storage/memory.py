"""A backend that keeps documents in plain dictionaries, and no index entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from local.firestore.indexes.scan import Scan
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
        """See ``Backend``; there are only the documents by their names."""
        if scan.index is not None:
            raise NotImplementedError("the memory has no index entries")
        documents = self.collections[scan.scope]
        return [documents[name] for name in sorted(documents) if name >= scan.first]

    def keys(self, scan: Scan) -> Iterable[bytes]:
        """See ``Backend``; there are none."""
        raise NotImplementedError(f"the memory has no index entries for {scan}")

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
