"""Where the documents of one database are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from local.firestore.indexes.scan import Scan
from local.firestore.query.document import Micros, Stored


class Backend(Protocol):
    """The documents of one database. What is read must not be changed."""

    @property
    def latest(self) -> Micros:
        """The time of the latest commit, also of an earlier process; 0 if there was none."""
        ...

    def get(self, path: str) -> Stored | None:
        """The document, or None."""
        ...

    def collection(self, path: str) -> Iterable[Stored]:
        """All documents of one collection, in any order."""
        ...

    def group(self, collection: str | None, parent: str, *, below: bool) -> Iterable[Stored]:
        """All documents of the collections with this id (None: any), in any order.

        Args:
            collection: The collections' id.
            parent: The path of the document they are below; empty for the database.
            below: Whether they are anywhere below it, or directly.
        """
        ...

    def scan(self, scan: Scan) -> Iterable[Stored]:
        """The documents of a part of an index, in the index's order."""
        ...

    def keys(self, scan: Scan) -> Iterable[bytes]:
        """The keys of a part of an index, in order; only those of an index."""
        ...

    def collection_paths(self) -> list[str]:
        """The paths of all collections that have documents, in any order."""
        ...

    def apply(self, changes: Mapping[str, Stored | None], at: Micros) -> None:
        """Make all changes or none; None deletes. They last when this returns."""
        ...
