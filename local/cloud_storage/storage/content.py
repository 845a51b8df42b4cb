"""The bytes of objects: a file for each version, and for each upload in progress."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO

import google_crc32c

from local.cloud_storage.objects.stored_object import encoded

CHUNK = 256 * 1024
"""Bytes in memory at a time."""


class Draft:
    """Content on its way in. It becomes an object's, or is discarded.

    Attributes:
        size: How many bytes there are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc32c = 0
        path.touch(0o600)

    async def append(self, chunks: AsyncIterator[bytes], *, skip: int = 0) -> None:
        """Add bytes, without the first ``skip``. What came before a failure is kept."""
        with self.path.open("ab", buffering=0) as file:
            async for chunk in chunks:
                piece = memoryview(chunk)[skip:]
                skip = max(0, skip - len(chunk))
                while piece:
                    taken = piece[: file.write(piece)]
                    self._md5.update(taken)
                    self._crc32c = google_crc32c.extend(self._crc32c, bytes(taken))
                    self.size += len(taken)
                    piece = piece[len(taken) :]

    def hashes(self) -> dict[str, str]:
        """The hashes of all bytes, as the JSON API has them."""
        return {
            "md5Hash": encoded(self._md5.digest()),
            "crc32c": encoded(self._crc32c.to_bytes(4, "big")),
        }

    def discard(self) -> None:
        """Remove the file, if it hasn't become an object's."""
        self.path.unlink(missing_ok=True)


class Content:
    """The files of a state folder.

    Args:
        folder: The state folder, in which no other process works.
        sizes: The size of each version in the index, by generation. All other files are removed:
            a killed process has left them.

    Attributes:
        incomplete: The generations whose content isn't there, or not whole.
    """

    def __init__(self, folder: Path, sizes: Mapping[int, int]) -> None:
        self._objects, self._uploads = folder / "objects", folder / "uploads"
        self._numbers = itertools.count()
        kept = _swept(self._objects, {str(each): size for each, size in sizes.items()})
        _swept(self._uploads, {})
        self.incomplete = {each for each in sizes if str(each) not in kept}

    def draft(self) -> Draft:
        """Begin new content."""
        return Draft(self._uploads / str(next(self._numbers)))

    def keep(self, draft: Draft, generation: int) -> None:
        """Make a draft the content of a version."""
        draft.path.rename(self._objects / str(generation))

    def open(self, generation: int) -> IO[bytes]:
        """Open a version's content, which can be read to its end even if it is removed."""
        return (self._objects / str(generation)).open("rb")

    def remove(self, generation: int) -> None:
        """Remove a version's content."""
        with contextlib.suppress(FileNotFoundError):
            (self._objects / str(generation)).unlink()


def _swept(folder: Path, sizes: Mapping[str, int]) -> set[str]:
    """Remove all files but those of these names and sizes; return the names of what is left."""
    folder.mkdir(0o700, exist_ok=True)
    kept = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            if sizes.get(entry.name) == entry.stat().st_size:
                kept.add(entry.name)
            else:
                Path(entry.path).unlink()
    return kept
