"""Writes the objects that uploads and copies make."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import IO

from local.cloud_storage.objects.names import object_name
from local.cloud_storage.objects.new_object import NewObject
from local.cloud_storage.objects.preconditions import ABSENT, check
from local.cloud_storage.objects.stored_object import StoredObject
from local.cloud_storage.storage.content import CHUNK, Draft
from local.cloud_storage.storage.state_folder import StateFolder


def check_conditions(state: StateFolder, new: NewObject) -> None:
    """Check a call's conditions on the object that it writes.

    Raises:
        Refused: 412: One doesn't hold.
    """
    live = state.index.object(new.bucket, object_name(new.name))
    check(new.query, ABSENT if live is None else live.version)


def write(state: StateFolder, new: NewObject, draft: Draft) -> StoredObject:
    """Write an object, if its conditions still hold.

    Raises:
        Refused: They don't; the client has told another hash; or see `StateFolder.put`.
    """
    check_conditions(state, new)
    hashes = draft.hashes()
    return state.put(draft, lambda generation: new.stored(generation, draft.size, hashes))


async def content_of(files: list[IO[bytes]]) -> AsyncIterator[bytes]:
    """The content of several files, one after the other."""
    for file in files:
        while piece := file.read(CHUNK):
            yield piece
