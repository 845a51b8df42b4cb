"""A state folder: index and content together, so that each change is whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

from local.cloud_storage.objects.stored_object import Json, StoredObject
from local.cloud_storage.refusals import not_found
from local.cloud_storage.storage.content import Content, Draft
from local.cloud_storage.storage.index import Index
from local.sqlite_state import StateError

_INDEX = "index.sqlite"


class StateFolder:
    """Buckets and objects, kept in a folder.

    Content is written and closed before the index names it, and removed after the index has
    forgotten it. What a killed process left in between is removed at the start; so are objects
    whose content a power failure has lost.

    Args:
        folder: The folder, created if missing.

    Attributes:
        index: What there is; only changes of buckets and metadata are made here.

    Raises:
        StateError: The folder holds other files, or its state can't be used.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(0o700, parents=True, exist_ok=True)
            if not (folder / _INDEX).exists() and any(folder.iterdir()):
                raise StateError(f"{folder}: holds other files")
            self.index = Index(folder / _INDEX)
            self._content = Content(folder, self.index.sizes())
        except OSError as error:
            raise StateError(f"{folder}: {error.strerror}") from error
        self.index.forget(self._content.incomplete)

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def bucket(self, name: str) -> Json:
        """A bucket's resource.

        Raises:
            Refused: 404: There is no such bucket.
        """
        found = self.index.bucket(name)
        if found is None:
            raise not_found("The specified bucket does not exist.")
        return found

    def draft(self) -> Draft:
        """Begin new content."""
        return self._content.draft()

    def open(self, stored: StoredObject) -> IO[bytes]:
        """Open an object's content."""
        return self._content.open(stored.generation)

    def put(self, draft: Draft, described: Callable[[int], StoredObject]) -> StoredObject:
        """Make a draft the content of an object, in place of an earlier version.

        Args:
            draft: The content.
            described: Returns the new version, given its generation.

        Raises:
            Refused: 404: The bucket was deleted meanwhile. 507: The disk is full.
        """
        generation = 0
        try:
            with self.index.commit():
                generation = self.index.new_generation()
                stored = described(generation)
                self.bucket(stored.bucket)
                before = self.index.object(stored.bucket, stored.name.encode())
                self._content.keep(draft, generation)
                self.index.put(stored)
        except BaseException:
            self._content.remove(generation)
            raise
        if before is not None:
            self._content.remove(before.generation)
        return stored

    def delete(self, stored: StoredObject) -> None:
        """Delete an object."""
        with self.index.commit():
            self.index.delete(stored)
        self._content.remove(stored.generation)
