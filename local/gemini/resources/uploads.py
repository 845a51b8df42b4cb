"""Resumable uploads: a start, chunks with checked offsets, and a finalize."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from local.gemini.clock import Clock
from local.gemini.resources.storage import Contents, Table
from local.gemini.wire.errors import invalid_argument, not_found
from local.gemini.wire.messages import JsonObject

# Counted from its start. Longer than any upload takes, but short enough to keep the table small.
KEPT_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in progress, or one that ended recently.

    Attributes:
        name: The upload id.
        store: The store it imports into; "" for a raw file.
        file_name: The raw file it creates; "" for a store.
        size_bytes: The declared length.
        received: The number of bytes received.
        last_chunk: Offset and sha256 of the latest chunk, to recognize a repetition.
        reply: The body of the finalize reply, once the upload is final.
    """

    name: str
    created_at: float
    store: str
    file_name: str
    display_name: str
    mime_type: str
    size_bytes: int
    metadata: list[JsonObject] = field(default_factory=list)
    received: int = 0
    last_chunk: str = ""
    reply: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of an upload; `offset` is that sent by the client, None if it sent none."""

    offset: int | None
    data: bytes
    finalize: bool


class Uploads:
    """The resumable uploads."""

    def __init__(
        self, table: Table[Upload], contents: Contents, clock: Clock, keep_bytes: int
    ) -> None:
        self.table = table
        self._contents = contents
        self._clock = clock
        self._keep_bytes = keep_bytes

    def add(self, upload: Upload) -> None:
        """Begin an upload."""
        self._purge()
        self.table.add(upload)

    def get(self, upload_id: str) -> Upload:
        """Return an upload.

        Raises:
            ApiError: 404 if it never existed, was refused or cancelled, or ended long ago.
        """
        upload = self.table.get(upload_id)
        if upload is None:
            raise not_found("Upload has already been terminated.")
        return upload

    def receive(
        self, upload_id: str, chunk: Chunk, finish: Callable[[Upload, str, bytes], JsonObject]
    ) -> JsonObject | None:
        """Receive a chunk; the last chunk finishes the upload.

        An exact repetition of the latest chunk gets the same answer as before. Any other chunk
        with a wrong offset or length ends the upload.

        Args:
            upload_id: The upload's id.
            chunk: The chunk.
            finish: Creates the resource from the upload, the sha256, and the beginning of the
                content that is kept.

        Returns:
            The body of the final reply, or None if more chunks follow.

        Raises:
            ApiError: 400 for a wrong offset or length, or the error of `finish`; 404 if there is
                no such upload.
        """
        upload = self.get(upload_id)
        latest = f"{chunk.offset} {hashlib.sha256(chunk.data).hexdigest()}"
        if latest == upload.last_chunk and (upload.reply is not None or not chunk.finalize):
            return upload.reply
        try:
            _check(upload, chunk)
            if not chunk.finalize:
                self._contents.put(upload_id, chunk.data, upload.received)
                self._update(upload, chunk, last_chunk=latest)
                return None
            sha256, head = self._digest(upload, chunk.data)
            reply = finish(upload, sha256, head)
        except Exception:
            self.cancel(upload_id)
            raise
        self._contents.drop(upload_id)
        self._update(upload, chunk, last_chunk=latest, reply=reply, metadata=[])
        return reply

    def cancel(self, upload_id: str) -> None:
        """End an upload and delete its bytes.

        Raises:
            ApiError: 404 if there is no such upload.
        """
        self.table.remove(self.get(upload_id).name)
        self._contents.drop(upload_id)

    def _update(self, upload: Upload, chunk: Chunk, **changes: Any) -> None:  # noqa: ANN401
        received = upload.received + len(chunk.data)
        self.table.replace(replace(upload, received=received, **changes))

    def _digest(self, upload: Upload, last: bytes) -> tuple[str, bytes]:
        digest = hashlib.sha256()
        head = b""
        for part in chain(self._contents.parts(upload.name), [last]):
            digest.update(part)
            head += part[: self._keep_bytes - len(head)]
        return digest.hexdigest(), head

    def _purge(self) -> None:
        now = self._clock.now()
        while (first := next(self.table.page(), None)) and first[1].created_at + KEPT_S <= now:
            self.cancel(first[1].name)


def _check(upload: Upload, chunk: Chunk) -> None:
    if upload.reply is not None:
        raise invalid_argument("Upload has already been terminated.")
    if chunk.offset != upload.received:
        raise invalid_argument(f"The offset is {chunk.offset}; {upload.received} was expected.")
    end = upload.received + len(chunk.data)
    if end > upload.size_bytes:
        raise invalid_argument(f"{end} bytes were sent, but {upload.size_bytes} were declared.")
    if chunk.finalize and end < upload.size_bytes:
        raise invalid_argument(f"Finalized at {end} of {upload.size_bytes} declared bytes.")
    if not chunk.finalize and not chunk.data:
        # A client whose source is too short would send these forever.
        raise invalid_argument("An empty chunk must finalize the upload.")
